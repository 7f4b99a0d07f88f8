#!/usr/bin/env bash
# Puts the detector on AWS: shows where and what, asks, builds, deploys, and tries the new endpoint with a real form.
# `./deploy.sh --help` says how.
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
ROOT=$(cd "$HERE/../.." && pwd)
readonly HERE ROOT
readonly ZIP=$ROOT/dist/lambda.zip PROGRAM=$ROOT/dist/host-lambda MANIFEST=$ROOT/dist/module.json
readonly PICTURE=$ROOT/web/tests/fixtures/form.png
# The C library of Amazon Linux 2023; a program built against a newer one does not start there.
readonly GLIBC_MINOR=34
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$HERE/lib.sh"

usage() {
  cat <<'HELP'
Usage: ./deploy.sh [OPTION]...

  --access api-key|jwt|open   who may call over HTTP; asked for if not given (an update keeps what is)
  --jwks FILE                 with jwt: the public keys of tokens signed with RS256, as a JSON Web Key Set
  --jwt-secret ARN            with jwt: the Secrets Manager secret that is the key of tokens signed with HS256
  --token TOKEN-FILE          with jwt: a file with a token for the trial request at the end
  --stack NAME                the CloudFormation stack [default: checkbox-detector]
  --region REGION             [default: as the AWS CLI is set up]
  --profile PROFILE           [default: as the AWS CLI is set up]
  --parameter NAME=VALUE      a parameter of template.yaml; may be repeated
  --no-build                  deploy dist/lambda.zip as it is
  --dry-run                   show the plan and change nothing
  --yes                       do not ask (for CI)
  --help                      this
HELP
}

ACCESS='' JWKS='' JWT_SECRET='' TOKEN_FILE='' BUILD=true
declare -A PARAMETERS=()

known_parameters() { sed -n '/^Parameters:/,/^Rules:/s/^  \([A-Za-z]*\):$/\1/p' "$HERE/template.yaml"; }

take_parameter() {
  local name=${1%%=*} value=${1#*=}
  [[ $1 == *=* ]] || die "--parameter takes NAME=VALUE, not '$1'"
  case $name in
    Access | JwtSecretArn) die "$name has an option of its own; see --help" ;;
    Architecture | Release) die "$name is set by what is built" ;;
  esac
  known_parameters | grep -qx -- "$name" || die "template.yaml has no parameter $name; it has: $(known_parameters | tr '\n' ' ')"
  [[ $value != *[[:space:]\"\'\\]* ]] || die "the value of $name has a space or a quote in it"
  PARAMETERS[$name]=$value
}

# What the stack will have: what is said here, or what it has already, or the template's default.
parameter() {
  local default kept=''
  if [ -n "${PARAMETERS[$1]+said}" ]; then
    printf '%s' "${PARAMETERS[$1]}"
    return
  fi
  [ -z "$STATUS" ] || kept=$(stack_value "$STACK" Parameters "$1")
  default=$(sed -n "/^  $1:\$/,/^  [A-Za-z]*:\$/s/^    Default: '\{0,1\}\([^']*\)'\{0,1\}\$/\1/p" "$HERE/template.yaml")
  printf '%s' "${kept:-$default}"
}

# What CloudFormation cannot check. A result under the input prefix would come back as a picture, and a picture under
# the results' would never be read.
check_prefixes() {
  local input results
  [ -n "$(parameter Bucket)" ] || return 0
  input=$(parameter InputPrefix) results=$(parameter ResultPrefix)
  [[ $input != "$results"* && $results != "$input"* ]] ||
    die "InputPrefix ($input) and ResultPrefix ($results) lie one under the other; nothing was changed"
}

own_option() {
  case $1 in
    --access) ACCESS=$2 ;;
    --jwks) JWKS=$2 ;;
    --jwt-secret) JWT_SECRET=$2 ;;
    --token) TOKEN_FILE=$2 ;;
    --parameter) take_parameter "$2" ;;
    --no-build) BUILD=false ;;
    *) return 1 ;;
  esac
}

read_arguments() {
  read_options '--access --jwks --jwt-secret --token --parameter' "$@"
  [[ $STACK =~ ^[A-Za-z][A-Za-z0-9-]{0,127}$ ]] || die "'$STACK' is no name for a stack: a letter, then letters, digits and hyphens"
  [[ $ACCESS =~ ^(api-key|jwt|open|)$ ]] || die "--access is api-key, jwt or open, not '$ACCESS'"
}

check_prerequisites() {
  local programs=(
    'aws=https://docs.aws.amazon.com/cli/latest/userguide/getting-started-install.html'
    "sam=pip install -r $HERE/requirements.txt, or https://docs.aws.amazon.com/serverless-application-model/"
    'curl=your package manager'
  )
  [ -z "$JWKS" ] || programs+=('zip=your package manager')
  require "${programs[@]}"
  [ -r "$PICTURE" ] || die "the picture for the trial request is missing: $PICTURE"
  [ -z "$TOKEN_FILE" ] || [ -r "$TOKEN_FILE" ] || die "$TOKEN_FILE cannot be read"
}

architecture_here() {
  case $(uname -m) in
    x86_64) echo x86_64 ;;
    aarch64 | arm64) echo arm64 ;;
    *) die "Lambda runs x86_64 and arm64, and this machine is $(uname -m): build on another one" ;;
  esac
}

choose_access() {
  local answer
  if [ -z "$ACCESS" ] && [ -n "$STATUS" ]; then
    ACCESS=$(stack_value "$STACK" Parameters Access)
    [ "$ACCESS" != jwt ] || [ -n "$JWKS$JWT_SECRET" ] || JWT_SECRET=$(stack_value "$STACK" Parameters JwtSecretArn)
  fi
  if [ -z "$ACCESS" ]; then
    ! $YES || die "--yes cannot say who may call: give --access api-key, jwt or open"
    say
    say "Who may call the service over HTTP?"
    say "  1  api-key   whoever shows a key; it is made now and kept in Secrets Manager"
    say "  2  jwt       whoever shows a token that your identity provider has signed"
    say "  3  open      everyone who knows the address, at your cost"
    answer=$(ask "1, 2 or 3: ") || exit 1
    case $answer in
      1 | api-key) ACCESS=api-key ;;
      2 | jwt) ACCESS=jwt ;;
      3 | open) ACCESS=open ;;
      *) die "'$answer' is none of them, so nothing was changed" ;;
    esac
  fi
  if [ "$ACCESS" != jwt ]; then
    [ -z "$JWKS$JWT_SECRET" ] || die "--jwks and --jwt-secret go with --access jwt"
    return
  fi
  if [ -z "$JWKS$JWT_SECRET" ]; then
    ! $YES || die "jwt needs --jwks FILE or --jwt-secret ARN"
    JWKS=$(ask "File with the JSON Web Key Set of your identity provider: ") || exit 1
    require 'zip=your package manager'
  fi
  [ -z "$JWKS" ] || [ -z "$JWT_SECRET" ] || die "give --jwks or --jwt-secret, not both"
  [ -z "$JWKS" ] || grep -q '"keys"' "$JWKS" 2>/dev/null || die "'$JWKS' is no JSON Web Key Set"
}

# The parameters as sam takes them; everything in quotes, because it refuses an empty value without.
overrides() {
  local name
  printf '%s\n' "Access=\"$ACCESS\"" "Architecture=\"$ARCHITECTURE\"" "JwtSecretArn=\"$JWT_SECRET\""
  for name in "${!PARAMETERS[@]}"; do
    printf '%s\n' "$name=\"${PARAMETERS[$name]}\""
  done | sort
}

show_plan() {
  local entry
  say
  step "Plan"
  show_where
  if [ -n "$STATUS" ]; then
    say "  stack     $STACK, which is there ($STATUS) and will be updated; parameters not named keep their values"
  else
    say "  stack     $STACK, new"
  fi
  say "  access    $ACCESS"
  while IFS= read -r entry; do
    say "  parameter $entry"
  done < <(overrides)
  say
  ! $BUILD || say "  - ./build.sh package (here)"
  [ -z "$JWKS" ] || say "  - put $JWKS into dist/lambda.zip as jwks.json (here)"
  say "  - sam deploy: uploads dist/lambda.zip to SAM's own bucket of this account (made if it is not there), then"
  say "    creates or updates what template.yaml says"
  say "  - send $(basename "$PICTURE") to the new endpoint"
  if [ "$ACCESS" = open ] && [ -z "${PARAMETERS[ReservedConcurrency]:-}" ]; then
    say
    say "  Everyone who finds the address can call it as often as your account lets them, and you pay."
    say "  --parameter ReservedConcurrency=5 puts a ceiling on it; --access api-key a lock."
  fi
  say
}

confirm() {
  local answer
  if $DRY_RUN; then
    say "Dry run: nothing was built, uploaded or changed."
    exit 0
  fi
  ! $YES || return 0
  answer=$(ask "Go ahead in account $ACCOUNT? [y/N] ") || exit 1
  [[ $answer =~ ^([yY]|yes)$ ]] || die "stopped; nothing was changed"
}

build() {
  local file target newest
  if $BUILD; then
    step "Building"
    "$ROOT/build.sh" package >&2 || die "the build failed; nothing was deployed"
  fi
  for file in "$ZIP" "$PROGRAM" "$MANIFEST"; do
    [ -r "$file" ] || die "$file is missing; run without --no-build"
    [ ! "$file" -nt "$ZIP" ] || die "$file is newer than $(basename "$ZIP"); run without --no-build"
  done
  target=$(sed -n 's/.*"target": *"\([^"]*\)".*/\1/p' "$MANIFEST")
  case $ARCHITECTURE-$target in
    x86_64-x86_64-*linux* | arm64-aarch64-*linux*) ;;
    *) die "dist/ was built for ${target:-nobody knows what}, which does not run on Lambda's $ARCHITECTURE; build again here" ;;
  esac
  newest=$(grep -ao 'GLIBC_2\.[0-9]*' "$PROGRAM" | sort -u -t. -k2n | tail -n 1)
  [ "${newest#GLIBC_2.}" -le "$GLIBC_MINOR" ] 2>/dev/null ||
    die "the program needs ${newest:-an unknown C library}, and Lambda's Amazon Linux 2023 has GLIBC_2.$GLIBC_MINOR: build on Debian 12"
  if [ -n "$JWKS" ]; then
    WORK=$(mktemp -d)
    trap 'rm -rf "$WORK"' EXIT
    cp "$JWKS" "$WORK/jwks.json"
    zip -q -j "$ZIP" "$WORK/jwks.json"
  fi
}

deploy() {
  local all
  step "Deploying"
  mapfile -t all < <(overrides)
  # Another release each time, also where only a secret has changed: see the parameter in template.yaml.
  all+=("Release=\"$(printf '%s' "$(date -u +%FT%T.%N)" "${all[@]}" | sha256sum | cut -c1-16)\"")
  sam deploy --template-file "$HERE/template.yaml" --stack-name "$STACK" --region "$REGION" --resolve-s3 \
    --s3-prefix "$STACK" --capabilities CAPABILITY_IAM --no-confirm-changeset --no-fail-on-empty-changeset \
    --parameter-overrides "${all[@]}" >&2 ||
    die "the deployment failed; what went wrong is above"
}

# The header that opens the endpoint, for curl's --config: what stands on a command line, others on this machine can read.
credentials() {
  local secret
  case $ACCESS in
    api-key)
      secret=$(aws secretsmanager get-secret-value --secret-id "$(stack_value "$STACK" Outputs ApiKeySecretArn)" \
        --query SecretString --output text) || die "the API key cannot be read from Secrets Manager"
      printf 'header = "x-api-key: %s"\n' "$(sed -n 's/.*"key" *: *"\([^"]*\)".*/\1/p' <<<"$secret")"
      ;;
    jwt) [ -z "$TOKEN_FILE" ] || printf 'header = "authorization: Bearer %s"\n' "$(<"$TOKEN_FILE")" ;;
  esac
}

try_it() {
  local url='' output header answer='' reply
  for output in FunctionUrl HttpApiUrl RestApiUrl; do
    [ -n "$url" ] || url=$(stack_value "$STACK" Outputs "$output")
  done
  reply=$(mktemp)
  if [ -z "$url" ]; then
    step "Trying the function itself (no way in over HTTP was asked for)"
    printf '{"image":"%s"}' "$(base64 <"$PICTURE" | tr -d '\n')" >"$reply.event"
    aws lambda invoke --function-name "$(stack_value "$STACK" Outputs FunctionArn)" --cli-binary-format raw-in-base64-out \
      --payload "fileb://$reply.event" "$reply" >&2 || true
    answer=$(<"$reply")
    rm -f "$reply" "$reply.event"
  else
    rm -f "$reply"
    url=${url%/}
    step "Trying $url"
    header=$(credentials)
    if [ "$ACCESS" = jwt ] && [ -z "$header" ]; then
      answer=$(until_answered "$url/health" '"model_loaded":true' '')
      printf '%s\n' "$answer"
      [[ $answer == *'"model_loaded":true'* ]] || die "the new endpoint does not answer; its log: sam logs --stack-name $STACK"
      say "The service runs. Without --token no picture could be sent; with one, ./try.sh deployed $url --token - <FILE does."
      return
    fi
    answer=$(until_answered "$url/predict" '"success":true' "$header" -F "file=@$PICTURE")
  fi
  printf '%s\n' "$answer"
  [[ $answer == *'"success":true'* ]] || die "the new endpoint gave no result; its log: sam logs --stack-name $STACK"
  say
  say "It works."
  [ -z "$url" ] || say "The whole suite: ./try.sh deployed $url$(case $ACCESS in api-key) echo ' --api-key -' ;; jwt) echo ' --token -' ;; esac)"
  say "Away with it: ./teardown.sh --stack $STACK --region $REGION"
  [ "$ACCESS" != api-key ] || say "The API key: aws secretsmanager get-secret-value --secret-id $(stack_value "$STACK" Outputs ApiKeySecretArn) --region $REGION"
}

# until_answered URL WORDS CONFIG CURL-OPTION...: asks until the answer holds the words; permissions take some seconds to
# reach every place that checks them. The last answer on standard output.
until_answered() {
  local url=$1 words=$2 config=$3 answer='' attempt
  shift 3
  for attempt in 1 2 3 4 5 6; do
    [ "$attempt" = 1 ] || sleep 5
    answer=$(curl --silent --show-error --max-time 60 --config - "$@" "$url" <<<"$config") || true
    [[ $answer != *"$words"* ]] || break
  done
  printf '%s' "$answer"
}

# A bucket that was there before sends nothing here by itself.
say_what_is_left() {
  local target kind=Queue
  target=$(stack_value "$STACK" Outputs BucketNotification)
  [ -n "$target" ] || return 0
  [[ $target == arn:*:sqs:* ]] || kind=LambdaFunction
  say
  say "The bucket does not send its new pictures here yet. This makes it, and REPLACES all notifications that it has:"
  say "aws s3api put-bucket-notification-configuration --region $REGION --bucket $(stack_value "$STACK" Outputs BucketName) \\"
  say "  --notification-configuration '{\"${kind}Configurations\":[{\"${kind}Arn\":\"$target\",\"Events\":[\"s3:ObjectCreated:*\"],"
  say "    \"Filter\":{\"Key\":{\"FilterRules\":[{\"Name\":\"prefix\",\"Value\":\"$(parameter InputPrefix)\"}]}}}]}'"
}

main() {
  read_arguments "$@"
  check_prerequisites
  ARCHITECTURE=$(architecture_here)
  where_am_i "$REGION_WISH" "$PROFILE"
  STATUS=$(stack_status "$STACK")
  case $STATUS in
    ROLLBACK_COMPLETE | ROLLBACK_FAILED | DELETE_FAILED)
      die "the stack $STACK is what a failed attempt left ($STATUS); remove it first: ./teardown.sh --stack $STACK --region $REGION"
      ;;
    REVIEW_IN_PROGRESS) STATUS='' ;; # a name without a stack: a plan that nobody carried out
    *_IN_PROGRESS) die "the stack $STACK is being changed just now ($STATUS)" ;;
  esac
  choose_access
  check_prefixes
  show_plan
  confirm
  build
  deploy
  try_it
  say_what_is_left
}

main "$@"
