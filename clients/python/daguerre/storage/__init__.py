"""Files that the SDK writes and reads: Parquet, the journal of a resumable run, tables of text."""
