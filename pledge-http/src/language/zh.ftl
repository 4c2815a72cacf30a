# API 的中文文本。键与参数和 en.ftl 完全一致。

title-invalid-parameter = 参数无效
title-unauthenticated = 未登录
title-forbidden = 无权操作
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
unauthenticated = 缺少有效的凭证，请登录，或使用其他密钥或票据
forbidden-topic = topics：当前调用者没有订阅 { $topic } 所需的权限
foreign-origin = 不允许 { $origin } 的脚本在此打开数据流，可由运维人员在 server.allowed_origins 中允许该站点
too-many-topics = topics：每个连接最多订阅 { $most } 个主题，其余请另开连接
upgrade-required = 该路径仅提供 WebSocket 连接，请发送 `Connection: upgrade` 与 `Upgrade: websocket`（版本 13）
malformed-message = 消息须为 JSON 对象：`op` 为 subscribe、unsubscribe 或 ping，前两者须带 `topics`，可附带 `request`，订阅时还可附带文本形式的 `after`
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
