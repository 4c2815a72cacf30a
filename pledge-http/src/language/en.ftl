# What the API states, in English. zh.ftl has the same keys with the same arguments.

title-invalid-parameter = Invalid parameter
title-unauthenticated = Not signed in
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
unauthenticated = there is no credential that is valid: sign in, or show another key or ticket
forbidden-topic = topics: { $topic } needs a permission that this caller does not have
foreign-origin = scripts of { $origin } may not open a stream here: an operator allows sites in server.allowed_origins
too-many-topics = topics: one reader follows { $most } at most; open another stream for the others
upgrade-required = this path serves WebSocket connections alone: send `Connection: upgrade` and `Upgrade: websocket`, version 13
malformed-message = a message is a JSON object with `op` (subscribe, unsubscribe or ping), with `topics` for the first two, and with `request` or `after` (both optional; `after` is text and only to subscribe)
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
