#!/usr/bin/env bash
# Removes what deploy.sh made: shows it, asks, deletes the stack. `./teardown.sh --help` says how.
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly HERE
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$HERE/lib.sh"

usage() {
  cat <<'HELP'
Usage: ./teardown.sh [OPTION]...

  --stack NAME        the CloudFormation stack [default: checkbox-detector]
  --region REGION     [default: as the AWS CLI is set up]
  --profile PROFILE   [default: as the AWS CLI is set up]
  --dry-run           show what would be removed and change nothing
  --yes               do not ask (for CI)
  --help              this
HELP
}

own_option() { false; }
read_options '' "$@"

require \
  'aws=https://docs.aws.amazon.com/cli/latest/userguide/getting-started-install.html' \
  "sam=pip install -r $HERE/requirements.txt, or https://docs.aws.amazon.com/serverless-application-model/"
where_am_i "$REGION_WISH" "$PROFILE"
STATUS=$(stack_status "$STACK")
[ -n "$STATUS" ] || die "there is no stack $STACK in $REGION of account $ACCOUNT"
BUCKET=$(stack_value "$STACK" Outputs BucketName)

step "To be removed"
show_where
say "  stack     $STACK ($STATUS), which is:"
aws cloudformation list-stack-resources --stack-name "$STACK" \
  --query 'StackResourceSummaries[].[ResourceType,PhysicalResourceId]' --output text | sed 's/^/    /' >&2
say
say "  The logs and the API key go with it; messages in the queues too."
[ -z "$BUCKET" ] || say "  The bucket $BUCKET and all in it stays. A new stack takes it up with --parameter CreateBucket=false."
say "  SAM's own bucket stays, because other stacks may use it; this stack's uploads in it go."
say
if $DRY_RUN; then
  say "Dry run: nothing was changed."
  exit 0
fi
if ! $YES; then
  ANSWER=$(ask "Type the stack's name to remove it for good: ") || exit 1
  [ "$ANSWER" = "$STACK" ] || die "'$ANSWER' is not '$STACK'; nothing was changed"
fi
step "Removing"
sam delete --stack-name "$STACK" --region "$REGION" --no-prompts >&2 || die "the stack could not be removed wholly; what is left is above"
STATUS=$(stack_status "$STACK")
[ -z "$STATUS" ] || die "the stack is still there ($STATUS); what holds it is in its events in the console"
say "Removed."
