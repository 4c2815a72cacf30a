# What the API states, in English. zh.ftl has the same keys with the same arguments.

title-invalid-parameter = Invalid parameter
title-unauthenticated = Sign in first
title-forbidden = Not allowed
title-foreign-origin = Site not allowed
title-too-many-topics = Too many topics
title-upgrade-required = WebSocket only
title-malformed-message = Malformed message
title-unknown-route = Unknown route
title-wrong-method = Wrong method
title-unknown-chain = Unknown chain
title-unknown-token = Unknown token
title-unknown-programme = Unknown programme
title-unknown-account = Unknown account
title-unknown-settlement = Unknown settlement
title-too-many-tokens = Too many tokens
title-not-started = Nothing confirmed yet
title-too-late = Not confirmed yet
title-too-early = Before the token's first block
title-moving = Ledger moving
title-unavailable = Store unavailable
title-busy = Too many readers
title-starting = Starting
title-stopping = Stopping
title-internal = Internal error
title-timed-out = No answer in time
title-body-too-large = Body too large
title-incomplete-body = Incomplete body
title-uri-too-long = URI too long
title-too-many-requests = Too many requests
title-access-not-configured = Access is not configured
title-sign-in-refused = Sign-in refused
title-registration-refused = Registration refused
title-invalid-body = Invalid body
title-unsupported-media-type = Unsupported media type
title-idempotency-key-reused = Idempotency key reused
title-request-under-way = Request under way
title-nothing-to-do = Nothing to do
title-not-possible = Not possible
title-state-moved = Changed meanwhile
title-taken = Already there
title-unknown-user = Unknown user
title-unknown-role = Unknown role
title-unknown-api-key = Unknown API key
title-unknown-invitation = Unknown invitation
title-node-unavailable = No node answers

malformed-parameter = { $parameter }: `{ $value }` is not { $form ->
        [chain-id] a chain id, a whole number
        [address] an address: 0x and 40 hexadecimal digits
        [instant] an instant: whole unix seconds below 2^40, or RFC 3339 from 1970 on without a fraction of a second (`+` in a query is %2B)
        [length] a length of time such as 15m, 1h or 1d
        [limit] a whole number from 1 to 1000
        [cursor] a cursor of this list
        [programme] the name of a programme
        [sort] an order: points or balance
        [settlement-status] a status: settled, failed or pending
        [settlement-id] the id of a settlement: chain_id:token:programme:window_start
        [topics] a list of topics with commas between: chains, settlements or account:chain_id:token:account
        [event-id] the id of an event, a whole number
        [entity-id] 32 lowercase hexadecimal digits
        [role-name] the name of a role: 1 to 32 characters of a-z, 0-9 and -, the first one a letter
        [actor] an actor, such as person:anna: person, command_line, configuration or program, a colon and a name
        [action] the name of an act: 1 to 32 characters of a-z, 0-9, - and _
        [object] what an act is about, such as chain:1: its kind, a colon and its id
        [export-format] a form of a file: jsonl or csv
        [block] a block: its number
        [digest] the digest of a plan: 0x and 64 hexadecimal digits
        [reason] a reason: 1 to 1000 characters on one line, without spaces around them
        [rate] a rate: a decimal text such as 0.05, at most 18 places, not below zero
        [schedule] a schedule: a list of at most 4096 steps, each with `from` and `rate`, ascending by `from`
        [window-seconds] the length of a window: 1 to 31622400 seconds
        [plain-name] a name: 1 to 64 characters of a-z, 0-9 and -_., the first one a letter
        [display-name] a display name: 1 to 64 visible characters on one line, without spaces around them
        [language-tag] a language, such as en or zh-Hans
        [time-zone] a time zone, such as Asia/Shanghai
        [grants] a list of grants, each with `role`, `chains` and `tokens`
        [chain-ids] a list of chain ids
        [token-ids] a list of tokens, each as chain_id:address
        [permissions] a list of permissions, such as chains:pause
        [lasts-seconds] a time of 1 to 2592000 seconds
        [note] a note: 1 to 200 characters on one line, without spaces around them
        [until] an instant: whole unix seconds below 2^40
        [signature] a signature: 0x and an even number of hexadecimal digits
        [found] a stop: an object with `status` (paused or halted), `reason` and `halt_reason`, as an answer showed it
        [text] a text
       *[flag] true or false
    }
not-utf8 = { $parameter }: not valid UTF-8
unknown-parameter = `{ $parameter }` is no parameter of this path, which takes: { $known }
no-parameters = `{ $parameter }` is no parameter of this path, which takes none
repeated-parameter = { $parameter }: given more than once
malformed-query = the query cannot be read
foreign-cursor = cursor: not a cursor of this list; pass a `next_cursor` on as it was given
malformed-programme = programme: the name of a programme has 1 to 32 characters of a-z, 0-9, - and _
bounds-reversed = to: { $to } is not later than `from`, { $from }
edges-descend = { $earlier } comes after { $later }: the edges must ascend
forbidden-topic = topics: { $topic } needs a permission that this caller does not have
foreign-origin = scripts of { $origin } may not open a stream here: an operator allows sites in server.allowed_origins
too-many-topics = topics: one reader follows { $most } at most; open another stream for the others
upgrade-required = this path serves WebSocket connections alone: send `Connection: upgrade` and `Upgrade: websocket`, version 13
no-command = a message is a JSON object with `op` (subscribe, unsubscribe or ping), with `topics` for the first two, and with `request` or `after` (both optional; `after` is text and only to subscribe)
unknown-route = there is nothing at { $path }: begin at { $start }
wrong-method = { $path } does not answer { $method }
unknown-chain = chain { $chain } is not followed
unknown-token = token { $token } is not followed
unknown-programme = programme { $programme } does not exist
unknown-programme-name = no token has a programme { $programme }
no-token-with-programme = no token of this account has that programme
zero-account = the zero address means mint or burn: it is never an account
unknown-settlement = there is no settlement { $settlement }
too-many-tokens = account { $account } is on more than { $most } tokens: ask for it token by token
not-started = token { $token } has no confirmed block yet
too-late = { $asked } is later than the confirmed block's time { $bound }
too-early = { $asked } is before the time of the token's first block, { $bound }
moving = the ledger moves under every read; ask again shortly
unavailable = the store cannot be read now; ask again shortly
busy = as many read already as may; ask again shortly
starting = pledge is starting: the configuration is being checked and the store opened
not-read-yet = the store was not asked yet
stopping = pledge is stopping
internal = the server could not answer; see its log for the cause
timed-out = no answer within the time for a request; ask for less, or again
body-too-large = a body may have { $most } bytes at most
incomplete-body = the request ended before its body did
uri-too-long = a path with its query may have { $most } bytes at most
too-many-requests = this client asks too often; ask again in { $seconds } s
unauthenticated = this needs a caller who signed in: show an access token or an API key as `Authorization: Bearer`
credential-refused = the credential is not valid, or its sign-in has ended: sign in again
forbidden = this needs the permission { $permission }, which the caller does not have here
persons-only = this is about a sign-in, which the key of a program does not have: sign in as a person
gives-more = this gives the permission { $permission }, which the caller does not have there: leave it out
outranked = the user has the permission { $permission }, which the caller does not have there: ask one who has it
access-not-configured = nobody can sign in here: set access.secret_key in the configuration
sign-in-refused = the sign-in is not valid: sign in again
wrong-password = name or password is wrong
message-refused = the message is not signed by its account, is not for this server, or is not for now: ask for a nonce and sign again
not-registered = no user has this wallet: register first
refresh-refused = the refresh token is not valid, or its sign-in has ended: sign in again
sign-in-slowed = too many sign-ins failed; try again in { $seconds } s
registration-closed = registration is closed: ask an admin for an invitation
invitation-needed = registration is by invitation: send the code of yours as `invitation`
invitation-over = the invitation is not valid, was used or is over: ask for a new one
not-json = the body is not JSON: send `Content-Type: application/json`
malformed-json = the body is not valid JSON at line { $line }, column { $column }
not-an-object = the body is not the JSON object that this path takes
unknown-field = `{ $field }` is no field of this body, which takes: { $known }
missing-field = { $field }: missing
repeated-field = { $field }: given more than once
malformed-field = { $field }: not { $form ->
        [chain-id] a chain id, a whole number
        [address] an address: 0x and 40 hexadecimal digits
        [instant] an instant: whole unix seconds below 2^40, or RFC 3339 from 1970 on without a fraction of a second (`+` in a query is %2B)
        [length] a length of time such as 15m, 1h or 1d
        [limit] a whole number from 1 to 1000
        [cursor] a cursor of this list
        [programme] the name of a programme
        [sort] an order: points or balance
        [settlement-status] a status: settled, failed or pending
        [settlement-id] the id of a settlement: chain_id:token:programme:window_start
        [entity-id] 32 lowercase hexadecimal digits
        [role-name] the name of a role: 1 to 32 characters of a-z, 0-9 and -, the first one a letter
        [actor] an actor, such as person:anna: person, command_line, configuration or program, a colon and a name
        [action] the name of an act: 1 to 32 characters of a-z, 0-9, - and _
        [object] what an act is about, such as chain:1: its kind, a colon and its id
        [export-format] a form of a file: jsonl or csv
        [block] a block: its number
        [digest] the digest of a plan: 0x and 64 hexadecimal digits
        [reason] a reason: 1 to 1000 characters on one line, without spaces around them
        [rate] a rate: a decimal text such as 0.05, at most 18 places, not below zero
        [schedule] a schedule: a list of at most 4096 steps, each with `from` and `rate`, ascending by `from`
        [window-seconds] the length of a window: 1 to 31622400 seconds
        [plain-name] a name: 1 to 64 characters of a-z, 0-9 and -_., the first one a letter
        [display-name] a display name: 1 to 64 visible characters on one line, without spaces around them
        [language-tag] a language, such as en or zh-Hans
        [time-zone] a time zone, such as Asia/Shanghai
        [grants] a list of grants, each with `role`, `chains` and `tokens`
        [chain-ids] a list of chain ids
        [token-ids] a list of tokens, each as chain_id:address
        [permissions] a list of permissions, such as chains:pause
        [lasts-seconds] a time of 1 to 2592000 seconds
        [note] a note: 1 to 200 characters on one line, without spaces around them
        [until] an instant: whole unix seconds below 2^40
        [signature] a signature: 0x and an even number of hexadecimal digits
        [found] a stop: an object with `status` (paused or halted), `reason` and `halt_reason`, as an answer showed it
        [text] a text
       *[flag] true or false
    }
malformed-message = message: line { $line } is not what EIP-4361 has there
unfit-password = password: choose one of 12 characters to 512 bytes that does not repeat one character and does not contain the name
one-way-in = send either `password` with `name`, or `message` with `signature`
too-many-grants = grants: at most 16, with at most 64 chains and tokens together
end-has-passed = until: it has passed; name a later time
name-needed = name: a user with a password needs one
no-idempotency-key = Idempotency-Key: missing; name the request, so that its repetition does nothing
malformed-idempotency-key = Idempotency-Key: write one of 8 to 64 printable characters of ASCII, none of them a space
key-reused = another request was made under this Idempotency-Key: choose a new key
under-way = a request under this Idempotency-Key is under way: ask again shortly
rewind-under-way = the chain is being taken back to block { $block } by { $actor }: wait for its end
chain-not-stopped = chain { $chain } is neither paused nor halted
token-not-stopped = token { $token } is neither paused nor halted
nothing-failed = nothing has failed in settlement { $settlement }
nothing-above = nothing of the chain is above block { $block }: name a lower one
chain-halted = chain { $chain } is halted, so it is not followed and need not be paused
chain-followed = chain { $chain } is followed: pause it first
no-node = no node of chain { $chain } is configured here: add its section to the configuration
rewind-refused = the node has another chain up to that block than the ledger: name a lower block; the log of the server has the cause
rate-settled = the rate of programme { $programme } would change before { $settled }, which is settled already: keep the past as it is and add a step from then on
programme-declared = programme { $programme } is declared in the configuration: change it there
last-admin = the user is the last admin: give the role admin to another one first
last-way-in = this is the last way in which the user signs in: add another one first
user-not-active = the user is banned or removed
role-built-in = the role { $role } is built in and stays as it is: make one of another name
too-many = there may be { $most } at most: remove one first
plan-moved = what would be taken back has changed since it was planned: plan it again
state-moved = something else was written meanwhile: read it again, then decide
other-stop = found: it is stopped otherwise by now: read it again, then decide
programme-exists = programme { $programme } exists already: change its rates instead
name-taken = the name is taken: choose another one
wallet-taken = the wallet is one of another user
role-taken = there is a role { $role } already: change it, or choose another name
key-name-taken = the owner has a key of this name: choose another name, or revoke that key first
unknown-user = there is no such user
unknown-role = there is no role { $role }
unknown-api-key = there is no such API key
unknown-invitation = there is no such invitation
node-unavailable = no node of the chain answers now; ask again shortly
