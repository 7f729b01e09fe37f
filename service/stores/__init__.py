"""What is kept below DAGUERRE_HOME: uploaded files, trained classifiers, the database of jobs."""
