"""What whoever writes an adapter runs against it; see docs/write-an-adapter.md."""
