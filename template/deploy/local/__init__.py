"""The rollout on one machine: nginx, and the service as processes behind it."""
