#!/usr/bin/env bash
# Rules of main, as code. A maintainer runs it once in a clone, after `glab auth login`, and again
# after a change here:
#   bash .gitlab/protect.sh
# Undo: Settings, Repository, Protected branches.
set -euo pipefail
branches=projects/:fullpath/protected_branches

# GitLab protects main from the start, in its own way: ours takes its place.
glab api --silent --method DELETE "$branches/main" || echo "main was not protected yet"
# 0: nobody pushes; 40: maintainers merge.
glab api --silent --method POST "$branches" --field name=main --field push_access_level=0 \
  --field merge_access_level=40 --field allow_force_push=false
glab api --silent --method PUT projects/:fullpath \
  --field only_allow_merge_if_pipeline_succeeds=true \
  --field only_allow_merge_if_all_discussions_are_resolved=true \
  --field remove_source_branch_after_merge=true

# Approvals are a matter of GitLab's paid tiers; without one, CODEOWNERS only says whom to ask.
if glab api --silent --method PATCH "$branches/main" --field code_owner_approval_required=true &&
  glab api --silent --method POST projects/:fullpath/approvals \
    --field reset_approvals_on_push=true --field merge_requests_author_approval=false; then
  echo "main: protected, an owner has to approve"
else
  echo "main: protected, without approvals: this tier of GitLab has none"
fi
