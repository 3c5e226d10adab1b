"""MinIO and S3 storage for parsekit, through fsspec"""
