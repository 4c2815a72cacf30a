# API 的中文文本。键与参数和 en.ftl 完全一致。

title-invalid-parameter = 参数无效
title-unauthenticated = 请先登录
title-forbidden = 没有权限
title-foreign-origin = 不允许该站点
title-too-many-topics = 主题过多
title-upgrade-required = 仅支持 WebSocket
title-malformed-message = 消息格式错误
title-unknown-route = 路径不存在
title-wrong-method = 不支持该请求方法
title-unknown-chain = 链不存在
title-unknown-token = 代币不存在
title-unknown-programme = 积分计划不存在
title-unknown-account = 账户不存在
title-unknown-settlement = 结算记录不存在
title-too-many-tokens = 代币过多
title-not-started = 尚无已确认的区块
title-too-late = 该时刻尚未确认
title-too-early = 早于该代币的首个区块
title-moving = 账本正在变动
title-unavailable = 存储不可用
title-busy = 并发读取过多
title-starting = 服务正在启动
title-stopping = 服务正在停止
title-internal = 内部错误
title-timed-out = 请求处理超时
title-body-too-large = 请求体过大
title-incomplete-body = 请求体不完整
title-uri-too-long = URI 过长
title-too-many-requests = 请求过于频繁
title-access-not-configured = 未配置访问控制
title-sign-in-refused = 登录被拒绝
title-registration-refused = 注册被拒绝
title-invalid-body = 请求体无效
title-unsupported-media-type = 不支持的媒体类型
title-idempotency-key-reused = 幂等键已被使用
title-request-under-way = 请求正在处理
title-nothing-to-do = 无需操作
title-not-possible = 当前无法执行
title-state-moved = 状态已变化
title-taken = 已存在
title-unknown-user = 用户不存在
title-unknown-role = 角色不存在
title-unknown-api-key = API 密钥不存在
title-unknown-invitation = 邀请不存在
title-node-unavailable = 节点无响应

malformed-parameter = { $parameter }：`{ $value }` { $form ->
        [chain-id] 不是有效的链 ID，应为非负整数
        [address] 不是有效的地址，应为 0x 加 40 位十六进制数字
        [instant] 不是有效的时刻，应为小于 2^40 的整数 Unix 秒，或 1970 年及以后、不含小数秒的 RFC 3339 时间（查询串中的 `+` 须写作 %2B）
        [length] 不是有效的时长，应形如 15m、1h 或 1d
        [limit] 不是 1 到 1000 之间的整数
        [cursor] 不是本列表的游标
        [programme] 不是有效的积分计划名称
        [sort] 不是有效的排序方式，应为 points 或 balance
        [settlement-status] 不是有效的状态，应为 settled、failed 或 pending
        [settlement-id] 不是有效的结算 ID，应为 chain_id:token:programme:window_start
        [topics] 不是有效的主题列表，应以逗号分隔：chains、settlements 或 account:chain_id:token:account
        [event-id] 不是有效的事件 ID，应为非负整数
        [entity-id] 不是有效的 ID，应为 32 位小写十六进制数字
        [role-name] 不是有效的角色名称，应由 1 到 32 个字符组成，只能包含 a-z、0-9 和 -，且以字母开头
        [actor] 不是有效的操作者，应形如 person:anna：person、command_line、configuration 或 program，加冒号和名称
        [action] 不是有效的操作名称，应由 1 到 32 个字符组成，只能包含 a-z、0-9、- 和 _
        [object] 不是有效的操作对象，应形如 chain:1：类型、冒号和 ID
        [export-format] 不是有效的文件格式，应为 jsonl 或 csv
        [block] 不是有效的区块号
        [digest] 不是有效的方案摘要，应为 0x 加 64 位十六进制数字
        [reason] 不是有效的理由，应为一行 1 到 1000 个字符，首尾不含空格
        [rate] 不是有效的速率，应为形如 0.05 的十进制文本，最多 18 位小数，且不为负
        [schedule] 不是有效的速率表，应为最多 4096 个步骤的列表，每步包含 `from` 和 `rate`，并按 `from` 递增
        [window-seconds] 不是有效的窗口长度，应为 1 到 31622400 秒
        [plain-name] 不是有效的名称，应由 1 到 64 个字符组成，只能包含 a-z、0-9 和 -_.，且以字母开头
        [display-name] 不是有效的显示名称，应为一行 1 到 64 个可见字符，首尾不含空格
        [language-tag] 不是有效的语言，应形如 en 或 zh-Hans
        [time-zone] 不是有效的时区，应形如 Asia/Shanghai
        [grants] 不是有效的授权列表，每项包含 `role`、`chains` 和 `tokens`
        [chain-ids] 不是有效的链 ID 列表
        [token-ids] 不是有效的代币列表，每项应为 chain_id:address
        [permissions] 不是有效的权限列表，每项应形如 chains:pause
        [lasts-seconds] 不是有效的时长，应为 1 到 2592000 秒
        [note] 不是有效的备注，应为一行 1 到 200 个字符，首尾不含空格
        [until] 不是有效的时刻，应为小于 2^40 的整数 Unix 秒
        [signature] 不是有效的签名，应为 0x 加偶数位十六进制数字
        [found] 不是有效的停止状态，应为查询结果中的对象：`status`（paused 或 halted）、`reason` 和 `halt_reason`
        [text] 应为文本
       *[flag] 应为 true 或 false
    }
not-utf8 = { $parameter }：不是有效的 UTF-8 文本
unknown-parameter = 该路径没有参数 `{ $parameter }`，可用参数为：{ $known }
no-parameters = 该路径不接受任何参数，不应出现 `{ $parameter }`
repeated-parameter = { $parameter }：该参数只能出现一次
malformed-query = 无法解析查询参数
foreign-cursor = cursor：不是本列表的游标，请原样传回上一页的 `next_cursor`
malformed-programme = programme：积分计划名称由 1 到 32 个字符组成，只能包含 a-z、0-9、- 和 _
bounds-reversed = to：{ $to } 必须晚于 `from`（{ $from }）
edges-descend = { $earlier } 晚于 { $later }：各边界时刻必须递增
forbidden-topic = topics：当前调用者没有订阅 { $topic } 所需的权限
foreign-origin = 不允许 { $origin } 的脚本在此打开数据流，可由运维人员在 server.allowed_origins 中允许该站点
too-many-topics = topics：每个连接最多订阅 { $most } 个主题，其余请另开连接
upgrade-required = 该路径仅提供 WebSocket 连接，请发送 `Connection: upgrade` 与 `Upgrade: websocket`（版本 13）
no-command = 消息须为 JSON 对象：`op` 为 subscribe、unsubscribe 或 ping，前两者须带 `topics`，可附带 `request`，订阅时还可附带文本形式的 `after`
unknown-route = 路径 { $path } 不存在，请从 { $start } 开始
wrong-method = { $path } 不支持 { $method } 方法
unknown-chain = 未跟踪链 { $chain }
unknown-token = 未跟踪代币 { $token }
unknown-programme = 积分计划 { $programme } 不存在
unknown-programme-name = 没有任何代币设有积分计划 { $programme }
no-token-with-programme = 该账户的代币均未设有此积分计划
zero-account = 零地址仅表示铸造或销毁，不是账户
unknown-settlement = 结算记录 { $settlement } 不存在
too-many-tokens = 账户 { $account } 涉及的代币超过 { $most } 种，请按代币逐个查询
not-started = 代币 { $token } 尚无已确认的区块
too-late = { $asked } 晚于最新已确认区块的时间 { $bound }
too-early = { $asked } 早于该代币首个区块的时间 { $bound }
moving = 读取期间账本持续变动，请稍后重试
unavailable = 暂时无法读取存储，请稍后重试
busy = 并发读取已达上限，请稍后重试
starting = pledge 正在启动：正在检查配置并打开存储
not-read-yet = 尚未读取过存储
stopping = pledge 正在停止
internal = 服务器无法完成该请求，原因见服务器日志
timed-out = 未能在单次请求的时限内完成，请缩小查询范围或稍后重试
body-too-large = 请求体不得超过 { $most } 字节
incomplete-body = 请求在请求体发送完毕之前中断
uri-too-long = 路径与查询串合计不得超过 { $most } 字节
too-many-requests = 该客户端请求过于频繁，请在 { $seconds } 秒后重试
unauthenticated = 该操作需要登录：请以 `Authorization: Bearer` 提供访问令牌或 API 密钥
credential-refused = 凭证无效或登录已结束，请重新登录
forbidden = 该操作需要权限 { $permission }，调用者在此处没有该权限
persons-only = 该操作针对登录会话，程序密钥没有会话，请以个人身份登录
gives-more = 该操作会授予权限 { $permission }，而调用者在该处没有此权限，请去掉它
outranked = 该用户拥有调用者在该处没有的权限 { $permission }，请由拥有该权限的人操作
access-not-configured = 此处无法登录：请在配置中设置 access.secret_key
sign-in-refused = 登录无效，请重新登录
wrong-password = 名称或密码错误
message-refused = 消息不是由该账户签名，或不是针对本服务器，或不在有效时间内：请获取新的 nonce 后重新签名
not-registered = 没有用户使用该钱包，请先注册
refresh-refused = 刷新令牌无效或登录已结束，请重新登录
sign-in-slowed = 登录失败次数过多，请在 { $seconds } 秒后重试
registration-closed = 注册已关闭，请向管理员索取邀请
invitation-needed = 注册需要邀请，请以 `invitation` 提供邀请码
invitation-over = 邀请无效、已被使用或已过期，请索取新的邀请
not-json = 请求体不是 JSON：请设置 `Content-Type: application/json`
malformed-json = 请求体在第 { $line } 行第 { $column } 列不是有效的 JSON
not-an-object = 请求体不是该路径所需的 JSON 对象
unknown-field = 该请求体没有字段 `{ $field }`，可用字段为：{ $known }
missing-field = { $field }：缺少该字段
repeated-field = { $field }：该字段只能出现一次
malformed-field = { $field }：{ $form ->
        [chain-id] 不是有效的链 ID，应为非负整数
        [address] 不是有效的地址，应为 0x 加 40 位十六进制数字
        [instant] 不是有效的时刻，应为小于 2^40 的整数 Unix 秒，或 1970 年及以后、不含小数秒的 RFC 3339 时间（查询串中的 `+` 须写作 %2B）
        [length] 不是有效的时长，应形如 15m、1h 或 1d
        [limit] 不是 1 到 1000 之间的整数
        [cursor] 不是本列表的游标
        [programme] 不是有效的积分计划名称
        [sort] 不是有效的排序方式，应为 points 或 balance
        [settlement-status] 不是有效的状态，应为 settled、failed 或 pending
        [settlement-id] 不是有效的结算 ID，应为 chain_id:token:programme:window_start
        [entity-id] 不是有效的 ID，应为 32 位小写十六进制数字
        [role-name] 不是有效的角色名称，应由 1 到 32 个字符组成，只能包含 a-z、0-9 和 -，且以字母开头
        [actor] 不是有效的操作者，应形如 person:anna：person、command_line、configuration 或 program，加冒号和名称
        [action] 不是有效的操作名称，应由 1 到 32 个字符组成，只能包含 a-z、0-9、- 和 _
        [object] 不是有效的操作对象，应形如 chain:1：类型、冒号和 ID
        [export-format] 不是有效的文件格式，应为 jsonl 或 csv
        [block] 不是有效的区块号
        [digest] 不是有效的方案摘要，应为 0x 加 64 位十六进制数字
        [reason] 不是有效的理由，应为一行 1 到 1000 个字符，首尾不含空格
        [rate] 不是有效的速率，应为形如 0.05 的十进制文本，最多 18 位小数，且不为负
        [schedule] 不是有效的速率表，应为最多 4096 个步骤的列表，每步包含 `from` 和 `rate`，并按 `from` 递增
        [window-seconds] 不是有效的窗口长度，应为 1 到 31622400 秒
        [plain-name] 不是有效的名称，应由 1 到 64 个字符组成，只能包含 a-z、0-9 和 -_.，且以字母开头
        [display-name] 不是有效的显示名称，应为一行 1 到 64 个可见字符，首尾不含空格
        [language-tag] 不是有效的语言，应形如 en 或 zh-Hans
        [time-zone] 不是有效的时区，应形如 Asia/Shanghai
        [grants] 不是有效的授权列表，每项包含 `role`、`chains` 和 `tokens`
        [chain-ids] 不是有效的链 ID 列表
        [token-ids] 不是有效的代币列表，每项应为 chain_id:address
        [permissions] 不是有效的权限列表，每项应形如 chains:pause
        [lasts-seconds] 不是有效的时长，应为 1 到 2592000 秒
        [note] 不是有效的备注，应为一行 1 到 200 个字符，首尾不含空格
        [until] 不是有效的时刻，应为小于 2^40 的整数 Unix 秒
        [signature] 不是有效的签名，应为 0x 加偶数位十六进制数字
        [found] 不是有效的停止状态，应为查询结果中的对象：`status`（paused 或 halted）、`reason` 和 `halt_reason`
        [text] 应为文本
       *[flag] 应为 true 或 false
    }
malformed-message = message：第 { $line } 行不符合 EIP-4361
unfit-password = password：密码应为 12 个字符到 512 字节，不得只重复一个字符，也不得包含名称
one-way-in = 请提供 `password` 和 `name`，或提供 `message` 和 `signature`
too-many-grants = grants：最多 16 项，其中的链和代币合计最多 64 个
end-has-passed = until：该时刻已过，请指定更晚的时刻
name-needed = name：使用密码的用户必须有名称
no-idempotency-key = Idempotency-Key：缺少该请求头，请为请求命名，使其重复时不再执行
malformed-idempotency-key = Idempotency-Key：应为 8 到 64 个可打印的 ASCII 字符，不含空格
key-reused = 该 Idempotency-Key 已用于另一个请求，请换一个
under-way = 使用该 Idempotency-Key 的请求正在处理，请稍后重试
rewind-under-way = { $actor } 正在将该链回退到区块 { $block }，请等待其结束
chain-not-stopped = 链 { $chain } 既未暂停也未停止
token-not-stopped = 代币 { $token } 既未暂停也未停止
nothing-failed = 结算记录 { $settlement } 中没有失败的批次
nothing-above = 该链在区块 { $block } 之上没有任何数据，请指定更低的区块
chain-halted = 链 { $chain } 已停止，未被跟踪，无需暂停
chain-followed = 链 { $chain } 正在被跟踪，请先暂停
no-node = 此处没有配置链 { $chain } 的节点，请在配置中添加该链
rewind-refused = 截至该区块，节点的链与账本不一致：请指定更低的区块，原因见服务器日志
rate-settled = 积分计划 { $programme } 的速率会在 { $settled } 之前改变，而该时段已结算：请保持过去的速率，并从该时刻起添加步骤
programme-declared = 积分计划 { $programme } 由配置声明，请在配置中修改
last-admin = 该用户是最后一位管理员，请先将 admin 角色授予他人
last-way-in = 这是该用户最后一种登录方式，请先添加另一种
user-not-active = 该用户已被封禁或移除
role-built-in = 角色 { $role } 是内置角色，不可更改，请使用其他名称
too-many = 最多允许 { $most } 个，请先移除一个
plan-moved = 自制定方案以来将被撤回的内容已变化，请重新制定方案
state-moved = 期间已有其他写入，请重新读取后再决定
other-stop = found：当前的停止状态已与此不同，请重新读取后再决定
programme-exists = 积分计划 { $programme } 已存在，请改为修改其速率
name-taken = 该名称已被使用，请换一个
wallet-taken = 该钱包属于另一位用户
role-taken = 角色 { $role } 已存在，请修改它或换一个名称
key-name-taken = 所有者已有同名密钥，请换一个名称或先撤销该密钥
unknown-user = 用户不存在
unknown-role = 角色 { $role } 不存在
unknown-api-key = API 密钥不存在
unknown-invitation = 邀请不存在
node-unavailable = 该链的节点目前无响应，请稍后重试
