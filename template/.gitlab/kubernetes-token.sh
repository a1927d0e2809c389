#!/usr/bin/env bash
# Print a token of this job in the form that kubectl takes, made anew each time: a rollout may take longer than a
# token of Azure lasts. AZURE_TOKEN, GitLab's own, lasts as long as the job.
set -euo pipefail
# The scope is that of every cluster of Azure.
curl --silent --show-error --fail --retry 3 "https://login.microsoftonline.com/$AZURE_TENANT_ID/oauth2/v2.0/token" \
  --data-urlencode client_id="$CLIENT_ID" --data-urlencode client_assertion="$AZURE_TOKEN" \
  --data client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer \
  --data grant_type=client_credentials --data scope=6dae42f8-4368-4678-94ff-3960e28e3630/.default |
  python3 -c 'import json, sys
token = json.load(sys.stdin)["access_token"]
version = "client.authentication.k8s.io/v1"
print(json.dumps({"apiVersion": version, "kind": "ExecCredential", "status": {"token": token}}))'
