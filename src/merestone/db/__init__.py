"""The one Django model app: models, migrations, stores, permission-filtered queries, jobs and audit."""
