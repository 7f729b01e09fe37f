"""Version 1 of the wire: fields are added, never renamed or renumbered."""
