#!/usr/bin/env bash
# A feed of Azure Artifacts for shared Python packages, and for the wheel of this project.
# A user who may create feeds runs it once, after `az login`; a second run changes nothing:
#   bash .azuredevops/feed.sh ORGANIZATION PROJECT FEED
# ORGANIZATION is the name alone, without https://dev.azure.com/. Undo: delete the feed in its settings.
set -euo pipefail
if [ $# -ne 3 ]; then
  sed -n '4s/^# */usage: /p' "$0" >&2
  exit 2
fi
organization=$1 project=$2 feed=$3
# The characters that Azure keeps unchanged in an address; the feed's own rules are narrower.
for name in "$organization" "$project" "$feed"; do
  if [[ ! $name =~ ^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$ ]]; then
    echo "error: $name: letters, digits, dots, dashes and underscores only, at most 64" >&2
    exit 2
  fi
done
feeds="https://feeds.dev.azure.com/$organization/$project/_apis/packaging/feeds?api-version=7.1"
# The id of Azure DevOps, as the audience of the token.
call() { az rest --resource 499b84ac-1321-427f-aa17-267ca6975798 --url "$feeds" "$@"; }

there=$(call --method get --query "value[?name=='$feed'].name | [0]" --output tsv)
if [ "$there" = "$feed" ]; then
  echo "$feed is there already: nothing was changed"
else
  call --method post --output none --headers "Content-Type=application/json" \
    --body "{\"name\": \"$feed\", \"description\": \"Shared packages\", \"hideDeletedPackageVersions\": true, \"upstreamEnabled\": true}"
  echo "$feed was made"
fi
address="https://pkgs.dev.azure.com/$organization/$project/_packaging/$feed/pypi"
echo "install from  $address/simple/"
echo "publish to    $address/upload/"
