"""Settings of the Postgres that comes along: one small machine, a few dozen connections, everything hot in memory."""

TUNED = {
    "max_connections": "100",
    "shared_buffers": "128MB",
    "effective_cache_size": "512MB",
    "work_mem": "8MB",
    "maintenance_work_mem": "64MB",
    "synchronous_commit": "on",
    "wal_level": "minimal",  # nobody replicates from here; backups are pg_dump
    "max_wal_senders": "0",
    "max_logical_replication_workers": "0",
    "max_wal_size": "512MB",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    "jit": "off",  # planning time for queries that take a millisecond
    "io_method": "sync",  # saves three processes; everything hot is in memory
    "max_parallel_workers_per_gather": "0",  # also keeps a container's 64 MB of /dev/shm out of play
    "max_parallel_maintenance_workers": "0",
    "password_encryption": "scram-sha-256",
    "log_checkpoints": "off",
    "log_line_prefix": "%m [%p] %d ",
    "log_timezone": "UTC",
    "timezone": "UTC",
}
FOR_TESTS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "64MB",
    "autovacuum": "off",
}
