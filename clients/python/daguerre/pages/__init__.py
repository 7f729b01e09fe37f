"""Pages that the SDK writes by itself."""
