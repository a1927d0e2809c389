#!/usr/bin/env bash
# Log in to Azure again with a new token of this job: a rollout may take longer than the first one lasts.
set -euo pipefail
own=$(curl --silent --show-error --fail --retry 3 --request POST --header "Content-Length: 0" \
  --header "Content-Type: application/json" --header "Authorization: Bearer $SYSTEM_ACCESSTOKEN" \
  "$SYSTEM_OIDCREQUESTURI?api-version=7.1&serviceConnectionId=$AZURE_CONNECTION" |
  jq --exit-status --raw-output .oidcToken)
az login --service-principal --username "$AZURE_CONNECTION_CLIENT" --tenant "$AZURE_CONNECTION_TENANT" \
  --federated-token "$own" --output none
