"""What the URL of a store may say: it stands in the records of a run, so nothing in it may be a
secret.
"""

from urllib.parse import parse_qsl, urlsplit

OPEN = frozenset(
    {
        *(
            "region",
            "scheme",
            "endpoint_override",
            "allow_bucket_creation",
            "allow_bucket_deletion",
            "tls_ca_file_path",
        ),
        *(
            "tls_verify_certificates",
            "force_virtual_addressing",
            "background_writes",
            "anonymous",
            "retry_limit_seconds",
            "project_id",
        ),
        *(
            "enable_tls",
            "blob_storage_authority",
            "dfs_storage_authority",
            "blob_storage_scheme",
            "dfs_storage_scheme",
            "tenant_id",
        ),
        *(
            "client_id",
            "credential_kind",
            "user",
            "replication",
            "buffer_size",
            "default_block_size",
        ),
    }
)
"""The options in the query of a URL that pyarrow knows and that are no secrets."""


def url_problem(url: str) -> str | None:
    """Why a URL may not be recorded, in a sentence that repeats no value of it; None where it
    may.
    """
    parts = urlsplit(url)
    if parts.password:
        return (
            "a URL with a password in it would stand in the records: give the password in the"
            " environment of every node."
        )
    if parts.fragment:
        return (
            "a URL with # in it would stand in the records with what follows: leave that out, or"
            " write %23 in the name of a folder."
        )
    if unknown := sorted(
        {name for name, _ in parse_qsl(parts.query, keep_blank_values=True)} - OPEN
    ):
        return (
            f"a URL with {', '.join(unknown)} in it may hold a key, and would stand in the records:"
            " give keys, signatures and tokens in the environment of every node. A URL may say"
            f" {', '.join(sorted(OPEN))}."
        )
    return None
