#!/usr/bin/env bash
# Print this job's own OIDC token in the form that kubectl takes: no kubeconfig is stored anywhere.
set -euo pipefail
curl --silent --show-error --fail --retry 3 \
  --header "Authorization: bearer $ACTIONS_ID_TOKEN_REQUEST_TOKEN" \
  "$ACTIONS_ID_TOKEN_REQUEST_URL&audience=kubernetes" |
  jq '{apiVersion: "client.authentication.k8s.io/v1", kind: "ExecCredential", status: {token: .value}}'
