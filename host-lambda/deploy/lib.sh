# shellcheck shell=bash
# What deploy.sh and teardown.sh have in common. Sourced, not run.

STACK=checkbox-detector REGION_WISH='' PROFILE='' YES=false DRY_RUN=false

say() { printf '%s\n' "$*" >&2; }
die() {
  say "$(basename "$0"): $*"
  exit 1
}
step() { printf '\033[1m==> %s\033[0m\n' "$*" >&2; }

# read_options WITH-VALUE ARGUMENT...: a script's options, those that both scripts have and, by its own_option OPTION VALUE,
# those that it alone has; WITH-VALUE names which of these take a value.
# shellcheck disable=SC2034 # the scripts read what is set here
read_options() {
  local with_value=" --stack --region --profile $1 " option value
  shift
  while [ $# -gt 0 ]; do
    option=$1 value=''
    shift
    if [[ $with_value == *" $option "* ]]; then
      [ $# -gt 0 ] || die "$option takes a value"
      value=$1
      shift
    fi
    case $option in
      --stack) STACK=$value ;;
      --region) REGION_WISH=$value ;;
      --profile) PROFILE=$value ;;
      --dry-run) DRY_RUN=true ;;
      --yes) YES=true ;;
      --help | -h)
        usage
        exit 0
        ;;
      *)
        own_option "$option" "$value" || {
          usage >&2
          die "there is no option '$option'"
        }
        ;;
    esac
  done
}

# require COMMAND=WHERE-FROM...: all that is missing at once, so that nobody installs one after the other.
require() {
  local entry missing=()
  for entry in "$@"; do
    command -v "${entry%%=*}" >/dev/null 2>&1 || missing+=("  ${entry%%=*}: ${entry#*=}")
  done
  [ ${#missing[@]} -eq 0 ] && return
  say "$(basename "$0"): this needs programs that are not here:"
  printf '%s\n' "${missing[@]}" >&2
  exit 1
}

# ask QUESTION: the answer on standard output. No answer is no consent.
ask() {
  local answer
  printf '%s' "$1" >&2
  if ! IFS= read -r answer; then
    say
    die "nobody answered, so nothing was changed (--yes answers for you)"
  fi
  printf '%s' "$answer"
}

# where_am_i REGION PROFILE: sets ACCOUNT, USER_ARN and REGION, and makes every aws and sam below use them.
where_am_i() {
  local identity
  [ -z "$2" ] || export AWS_PROFILE=$2
  REGION=${1:-${AWS_REGION:-${AWS_DEFAULT_REGION:-$(aws configure get region 2>/dev/null || true)}}}
  [ -n "$REGION" ] || die "no region is set; give --region, for example --region us-east-1"
  export AWS_REGION=$REGION AWS_DEFAULT_REGION=$REGION AWS_PAGER=
  identity=$(aws sts get-caller-identity --query '[Account,Arn]' --output text) ||
    die "AWS does not know you here: run 'aws sso login' or 'aws configure', or choose a --profile"
  read -r ACCOUNT USER_ARN <<<"$identity"
  [ -n "$USER_ARN" ] || die "AWS gave no account and user, but: $identity"
}

show_where() {
  say "  account   $ACCOUNT"
  say "  user      $USER_ARN"
  say "  region    $REGION"
}

# stack_status NAME: its status, or nothing where there is no such stack.
stack_status() {
  local answer
  if answer=$(aws cloudformation describe-stacks --stack-name "$1" --query 'Stacks[0].StackStatus' --output text 2>&1); then
    printf '%s' "$answer"
  elif [[ $answer != *"does not exist"* ]]; then
    die "the stack $1 cannot be looked at: $answer"
  fi
}

# stack_value NAME Parameters|Outputs KEY: a parameter or an output, or nothing.
stack_value() {
  local of=Parameter value
  [ "$2" = Parameters ] || of=Output
  value=$(aws cloudformation describe-stacks --stack-name "$1" \
    --query "Stacks[0].$2[?${of}Key=='$3'].${of}Value | [0]" --output text) ||
    die "the stack $1 cannot be looked at"
  [ "$value" = None ] || printf '%s' "$value"
}
