"""Lines of JSON that outlive a process: the audit trail and analytics events of one machine."""
