"""The tables of the embedded store, as an ordered list of migrations.

A store at version n has had the first n migrations. One that was released is
never edited; a change of the schema is one more migration at the end.
"""

Migration = tuple[str, ...]

_FIRST: Migration = (
    # Live keys only, apart from their versions: listing them reads no bodies.
    """CREATE TABLE documents (
        key TEXT PRIMARY KEY,
        version INTEGER NOT NULL
    ) WITHOUT ROWID""",
    # A delete marker has no etag. AUTOINCREMENT: a purged version's id never comes back.
    """CREATE TABLE document_versions (
        version INTEGER PRIMARY KEY AUTOINCREMENT,
        key TEXT NOT NULL,
        etag TEXT,
        content_type TEXT,
        modified_at REAL NOT NULL,
        size INTEGER NOT NULL,
        body BLOB
    )""",
    "CREATE INDEX document_versions_by_key ON document_versions (key, version)",
    """CREATE TABLE entries (
        partition TEXT NOT NULL,
        key TEXT NOT NULL,
        value TEXT NOT NULL,
        expires_at INTEGER,
        PRIMARY KEY (partition, key)
    ) WITHOUT ROWID""",
    "CREATE INDEX entries_by_expiry ON entries (expires_at) WHERE expires_at IS NOT NULL",
    """CREATE TABLE runs (
        prompt_id TEXT PRIMARY KEY,
        owner TEXT NOT NULL,
        status TEXT NOT NULL,
        submitted_at INTEGER NOT NULL,
        payload_key TEXT,
        workflow_name TEXT,
        started_at INTEGER,
        completed_at INTEGER,
        lease_until REAL NOT NULL,
        writer TEXT,
        dispatched INTEGER NOT NULL,
        attempts INTEGER NOT NULL,
        published INTEGER NOT NULL,
        expires_at INTEGER
    )""",
    """CREATE INDEX runs_active ON runs (owner, submitted_at)
        WHERE status IN ('queued', 'running')""",
    "CREATE INDEX runs_by_expiry ON runs (expires_at) WHERE expires_at IS NOT NULL",
    # Apart from the header, which every heartbeat rewrites whole.
    "CREATE TABLE run_payloads (prompt_id TEXT PRIMARY KEY, payload TEXT NOT NULL)",
    """CREATE TABLE run_batches (
        prompt_id TEXT NOT NULL,
        first INTEGER NOT NULL,
        count INTEGER NOT NULL,
        writer TEXT NOT NULL,
        events TEXT NOT NULL,
        PRIMARY KEY (prompt_id, first)
    )""",
    """CREATE TABLE idempotency (
        owner TEXT NOT NULL,
        key TEXT NOT NULL,
        digest TEXT NOT NULL,
        prompt_id TEXT NOT NULL,
        expires_at INTEGER NOT NULL,
        PRIMARY KEY (owner, key)
    ) WITHOUT ROWID""",
    "CREATE INDEX idempotency_by_expiry ON idempotency (expires_at)",
    # In flight: a receipt, and visible_at still ahead.
    """CREATE TABLE messages (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        queue TEXT NOT NULL,
        visible_at REAL NOT NULL,
        receipt TEXT,
        receive_count INTEGER NOT NULL,
        message_group TEXT NOT NULL,
        body TEXT NOT NULL
    )""",
    "CREATE INDEX messages_by_time ON messages (queue, visible_at, message_group, receipt)",
    """CREATE INDEX messages_received ON messages (queue, receive_count)
        WHERE receive_count > 0""",
)

# Runs of the first version have the first format.
_FORMATS: Migration = (
    "ALTER TABLE runs ADD COLUMN format INTEGER NOT NULL DEFAULT 1",
    "ALTER TABLE run_batches ADD COLUMN format INTEGER NOT NULL DEFAULT 1",
)

# Rows like those of ``entries``, in a table of their own: as in the cloud.
_ACCOUNTS: Migration = (
    """CREATE TABLE account_entries (
        partition TEXT NOT NULL,
        key TEXT NOT NULL,
        value TEXT NOT NULL,
        expires_at INTEGER,
        PRIMARY KEY (partition, key)
    ) WITHOUT ROWID""",
    """CREATE INDEX account_entries_by_expiry ON account_entries (expires_at)
        WHERE expires_at IS NOT NULL""",
)

MIGRATIONS: tuple[Migration, ...] = (_FIRST, _FORMATS, _ACCOUNTS)
