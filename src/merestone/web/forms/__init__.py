"""Forms, made from the table contracts: the same columns, words and limits as in files and the API."""
