-- Times are milliseconds since 1970 by the database's clock. JSON is text. Truth is 0 or 1.

CREATE TABLE owners (
    id {key} PRIMARY KEY,
    lease_until BIGINT NOT NULL
);

CREATE TABLE runs (
    id {key} PRIMARY KEY,
    number BIGINT,
    tenant {key} NOT NULL,
    kind {key} NOT NULL,
    requested_by TEXT NOT NULL,
    project_id {key},
    project {key},
    model TEXT,
    scope TEXT,
    branch TEXT,
    commit_sha TEXT,
    snapshot {key},
    session_id {key},
    rerun_of {key},
    status {key} NOT NULL,
    outcome TEXT,
    exit_code BIGINT,
    code_digest TEXT,
    environment TEXT,
    environment_digest TEXT,
    policy_digest TEXT,
    enforcement TEXT,
    usage TEXT,
    queued_at BIGINT NOT NULL,
    started_at BIGINT,
    ended_at BIGINT,
    stdout_head TEXT NOT NULL DEFAULT '',
    stderr_head TEXT NOT NULL DEFAULT '',
    stdout_bytes BIGINT NOT NULL DEFAULT 0,
    stderr_bytes BIGINT NOT NULL DEFAULT 0,
    stdout_digest {key},
    stderr_digest {key},
    error TEXT,
    request TEXT,
    result TEXT,
    attempt BIGINT NOT NULL,
    attempts_max BIGINT NOT NULL,
    -- Who holds it, where it runs without having been queued.
    owner {key},
    -- What it takes to keep it: its row, roughly, and its blobs as if they were its alone.
    kept_bytes BIGINT NOT NULL
);

CREATE INDEX runs_of_tenant ON runs (tenant, queued_at, id);
CREATE INDEX runs_of_project ON runs (tenant, project, queued_at, id) WHERE project IS NOT NULL;
CREATE INDEX runs_of_session ON runs (tenant, session_id, queued_at, id)
    WHERE session_id IS NOT NULL;
CREATE INDEX runs_of_snapshot ON runs (tenant, project_id, snapshot) WHERE snapshot IS NOT NULL;
CREATE INDEX runs_with_status ON runs (tenant, status, queued_at, id);
CREATE INDEX runs_by_id ON runs (tenant, id);
CREATE INDEX runs_by_end ON runs (tenant, ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX runs_held ON runs (owner) WHERE status = 'running' AND owner IS NOT NULL;
CREATE INDEX runs_with_stdout ON runs (stdout_digest) WHERE stdout_digest IS NOT NULL;
CREATE INDEX runs_with_stderr ON runs (stderr_digest) WHERE stderr_digest IS NOT NULL;

-- The last number that a project's runs were given. It outlives the project's records.
CREATE TABLE run_numbers (
    project_id {key} PRIMARY KEY,
    last BIGINT NOT NULL
);

CREATE TABLE artifacts (
    run_id {key} NOT NULL,
    name {key} NOT NULL,
    digest {key} NOT NULL,
    bytes BIGINT NOT NULL,
    media_type TEXT NOT NULL,
    PRIMARY KEY (run_id, name)
);

CREATE INDEX artifacts_with_digest ON artifacts (digest);

CREATE TABLE queue (
    run_id {key} PRIMARY KEY,
    tenant {key} NOT NULL,
    waits_since BIGINT NOT NULL,
    started BIGINT NOT NULL DEFAULT 0,
    owner {key},
    fence BIGINT NOT NULL DEFAULT 0,
    lease_until BIGINT,
    cancel_requested BIGINT NOT NULL DEFAULT 0
);

CREATE INDEX queue_waiting ON queue (tenant, waits_since, run_id) WHERE owner IS NULL;
CREATE INDEX queue_claimed ON queue (owner) WHERE owner IS NOT NULL;

CREATE TABLE run_events (
    run_id {key} NOT NULL,
    seq BIGINT NOT NULL,
    kind TEXT NOT NULL,
    data TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (run_id, seq)
);

CREATE TABLE projects (
    id {key} PRIMARY KEY,
    tenant {key} NOT NULL,
    name {key} NOT NULL,
    description TEXT NOT NULL,
    source TEXT NOT NULL,
    source_kind TEXT NOT NULL,
    default_branch TEXT NOT NULL,
    environment TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (tenant, name)
);

CREATE TABLE sources (
    id {key} PRIMARY KEY,
    tenant {key} NOT NULL,
    project_id {key} NOT NULL,
    name {key} NOT NULL,
    kind TEXT NOT NULL,
    location {key} NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (project_id, name)
);

CREATE INDEX sources_at ON sources (location);

CREATE TABLE snapshots (
    tenant {key} NOT NULL,
    project_id {key} NOT NULL,
    id {key} NOT NULL,
    created_at BIGINT NOT NULL,
    file_count BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    PRIMARY KEY (tenant, project_id, id)
);

CREATE TABLE snapshot_files (
    tenant {key} NOT NULL,
    project_id {key} NOT NULL,
    snapshot_id {key} NOT NULL,
    path {key} NOT NULL,
    digest {key} NOT NULL,
    bytes BIGINT NOT NULL,
    PRIMARY KEY (tenant, project_id, snapshot_id, path)
);

CREATE INDEX snapshot_files_with_digest ON snapshot_files (digest);

-- `stored` says that its bytes are in their place; `touched_at` when it was last put or
-- referred to; `doomed_at` when it was found that nothing refers to it, from which moment
-- nothing may.
CREATE TABLE blobs (
    digest {key} PRIMARY KEY,
    bytes BIGINT NOT NULL,
    stored BIGINT NOT NULL,
    touched_at BIGINT NOT NULL,
    doomed_at BIGINT
);

CREATE INDEX blobs_doomed ON blobs (doomed_at) WHERE doomed_at IS NOT NULL;
