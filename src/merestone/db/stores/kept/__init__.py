"""Tables kept encoded beside the database: what has changed since, the columns, their file."""
