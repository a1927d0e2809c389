"""What people run at their desk, on the files of any repository, and never unattended."""
