"""Replays and results in MinIO or any other store that speaks S3."""
