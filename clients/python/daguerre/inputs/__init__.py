"""What users pass in (folders, paths, bytes, pictures, arrays, texts, videos, codes), as the requests need it."""
