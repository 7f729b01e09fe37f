"""The schema of a study's database.

Values of codes are JSON in one form, so that equal codes are equal texts; `null` stands for "cannot tell". A code of
the variable '' is a note. `history` has the first and the last changes of each code; `codes` those that hold now.
"""

MIGRATIONS: tuple[str, ...] = (  # user_version of the file is the number of applied ones; only append
    """
    CREATE TABLE items (
        place INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        key TEXT NOT NULL UNIQUE,
        file TEXT,               -- below the study's folder, NULL for a picture that was sent
        sha256 TEXT,
        bytes INTEGER NOT NULL,
        width INTEGER,
        height INTEGER,
        added REAL NOT NULL
    );
    CREATE TABLE columns (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL UNIQUE,
        kind TEXT NOT NULL CHECK (kind IN ('number', 'text'))
    );
    CREATE TABLE cells (
        item INTEGER NOT NULL REFERENCES items (place),
        column INTEGER NOT NULL REFERENCES columns (number),
        number REAL,
        text TEXT,
        PRIMARY KEY (item, column)
    ) WITHOUT ROWID;
    CREATE INDEX cells_by_value ON cells (column, number, text);
    CREATE TABLE codebooks (
        version INTEGER PRIMARY KEY,
        saved REAL NOT NULL,
        content TEXT NOT NULL
    );
    CREATE TABLE assignments (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL UNIQUE,
        kind TEXT NOT NULL CHECK (kind IN ('items', 'pairs')),
        design TEXT NOT NULL,
        overlap INTEGER NOT NULL,
        seed INTEGER NOT NULL,
        created REAL NOT NULL
    );
    CREATE TABLE coders (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        assignment INTEGER NOT NULL REFERENCES assignments (number),
        name TEXT NOT NULL,
        role TEXT NOT NULL CHECK (role IN ('coder', 'adjudicator')),
        hash TEXT UNIQUE,        -- of the token, NULL once it is revoked
        UNIQUE (assignment, name)
    );
    CREATE TABLE units (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        key TEXT NOT NULL UNIQUE,
        assignment INTEGER NOT NULL REFERENCES assignments (number),
        item INTEGER NOT NULL REFERENCES items (place),
        other INTEGER REFERENCES items (place),
        inclusion_prob REAL,
        stratum TEXT
    );
    CREATE INDEX units_of_assignments ON units (assignment);
    CREATE INDEX units_of_items ON units (item);
    CREATE TABLE tasks (
        coder INTEGER NOT NULL REFERENCES coders (number),
        place INTEGER NOT NULL,
        unit INTEGER NOT NULL REFERENCES units (number),
        done REAL,
        PRIMARY KEY (coder, place)
    ) WITHOUT ROWID;
    CREATE UNIQUE INDEX tasks_of_units ON tasks (unit, coder);
    CREATE INDEX tasks_open ON tasks (coder, place) WHERE done IS NULL;
    CREATE TABLE history (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        batch INTEGER NOT NULL,  -- codes that were saved at once, and are undone at once
        unit INTEGER NOT NULL REFERENCES units (number),
        coder INTEGER NOT NULL REFERENCES coders (number),
        variable TEXT NOT NULL,
        value TEXT,              -- JSON, NULL where the code was taken back
        version INTEGER NOT NULL,
        saved REAL NOT NULL,
        undone REAL
    );
    CREATE INDEX history_of_codes ON history (coder, unit, variable, seq);
    CREATE INDEX history_of_batches ON history (coder, batch);
    CREATE TABLE codes (
        unit INTEGER NOT NULL REFERENCES units (number),
        coder INTEGER NOT NULL REFERENCES coders (number),
        variable TEXT NOT NULL,
        value TEXT NOT NULL,
        version INTEGER NOT NULL,
        saved REAL NOT NULL,
        PRIMARY KEY (unit, variable, coder)
    ) WITHOUT ROWID;
    CREATE INDEX codes_of_coders ON codes (coder);
    """,
    """
    ALTER TABLE items ADD COLUMN text TEXT;
    CREATE TABLE vector_sets (
        number INTEGER PRIMARY KEY AUTOINCREMENT,  -- of the file, which no later set has
        model TEXT NOT NULL UNIQUE,
        fingerprint TEXT NOT NULL,
        dimension INTEGER NOT NULL,
        modality TEXT NOT NULL CHECK (modality IN ('image', 'text')),
        receipt TEXT NOT NULL,   -- JSON
        created REAL NOT NULL
    );
    CREATE TABLE vector_rows (
        vectors INTEGER NOT NULL REFERENCES vector_sets (number),
        item INTEGER NOT NULL REFERENCES items (place),
        row INTEGER,             -- in the file, NULL for an item that failed
        code TEXT,
        message TEXT,
        PRIMARY KEY (vectors, item)
    ) WITHOUT ROWID;
    CREATE INDEX vector_rows_by_row ON vector_rows (vectors, row);
    """,
    """
    CREATE TABLE runs (          -- analyses of the study, the later ones of which replace columns of earlier ones
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        operation TEXT NOT NULL,
        options TEXT NOT NULL,   -- JSON, as are receipt and result
        receipt TEXT,
        result TEXT NOT NULL,
        created REAL NOT NULL
    );
    CREATE TABLE sources (       -- the run that has made a column, where people have not written it since
        column INTEGER PRIMARY KEY,
        run INTEGER NOT NULL REFERENCES runs (number),
        place INTEGER NOT NULL
    );
    """,
)
