"""Which sites there are: described in files, found by themselves, or the embedded one."""
