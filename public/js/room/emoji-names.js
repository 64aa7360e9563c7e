// @ts-check
/** An emoji a line, with its names in both languages; the first is the one that is read out. */
export default `
👍 thumbs_up yes good agree like 赞 好 同意
👎 thumbs_down no bad disagree 踩 不同意
❤️ heart love 爱 心
😂 tears_of_joy laugh lol funny 笑哭 笑
🎉 party celebrate congratulations hooray 庆祝 恭喜
👀 eyes look watching 看 关注
✅ check done ok 完成 对
🙏 thanks please pray 谢谢 拜托
🔥 fire hot great 火
😀 grinning happy smile 开心
😃 smiling_open happy joy 高兴
😄 smile happy eyes 微笑
😁 beaming grin 嘻嘻
😆 laughing squint 大笑
😅 sweat_smile relief phew 汗
🤣 rolling_on_the_floor rofl laugh 爆笑
🙂 slight_smile 微微笑
🙃 upside_down irony 倒脸
😉 wink 眨眼
😊 blush smile warm 害羞
😇 angel halo innocent 天使
🥰 in_love hearts adore 喜爱
😍 heart_eyes love 花痴
😘 kiss blow 飞吻
😋 yum tasty delicious 好吃
😜 winking_tongue joke crazy 调皮
🤪 zany silly crazy 疯
🤔 thinking hmm 思考 想
🤨 raised_eyebrow doubt 怀疑
😐 neutral meh 无语
😶 no_mouth silent 沉默
🙄 rolling_eyes 白眼
😏 smirk 得意
😬 grimace awkward 尴尬
😌 relieved calm 放心
😴 sleeping tired night 睡觉 困
😷 mask sick 口罩
🤒 thermometer ill fever 发烧
🤕 bandage hurt 受伤
🤯 mind_blown exploding 震惊
🥳 partying birthday 派对
😎 cool sunglasses 酷
🤓 nerd glasses 书呆子
😕 confused 困惑
🙁 frown sad 不高兴
😮 surprised wow open_mouth 惊讶
😳 flushed embarrassed 脸红
🥺 pleading puppy 恳求
😢 crying sad tear 哭 难过
😭 sobbing cry loud 大哭
😱 scream fear shocked 尖叫
😡 angry mad rage 生气
😤 huffing steam proud 哼
🤬 swearing curse 骂
💀 skull dead 骷髅
💩 poop 便便
🤖 robot bot 机器人
👻 ghost halloween 鬼
👋 wave hello bye hi 你好 再见
✋ raised_hand stop 举手
👌 ok_hand perfect 没问题
✌️ victory peace 胜利
🤞 crossed_fingers luck hope 好运
🤙 call_me hang_loose 打电话
👉 point_right 右
👆 point_up this 上
👇 point_down below 下
👏 clap applause bravo 鼓掌
🙌 raising_hands hooray 万岁
🤝 handshake deal 握手
💪 muscle strong 加油 强
🤷 shrug dunno 不知道
🤦 facepalm 捂脸
🙋 raising_hand me question 我
🙇 bow sorry 鞠躬 对不起
💃 dancing dance 跳舞
🏃 running run 跑
👨‍👩‍👧 family 家庭
👶 baby 宝宝
🧑‍💻 technologist programmer laptop 程序员
💔 broken_heart 心碎
💛 yellow_heart 黄心
💚 green_heart 绿心
💙 blue_heart 蓝心
💜 purple_heart 紫心
🖤 black_heart 黑心
💯 hundred perfect 满分
💥 boom collision 爆炸
✨ sparkles magic new 闪亮
⭐ star 星
🌟 glowing_star 星星
💡 idea light_bulb 主意
❓ question 问题
❗ exclamation important 重要
⚠️ warning careful 警告
🚨 alarm emergency alert 警报
🚫 forbidden no stop 禁止
❌ cross wrong no 错
➕ plus add 加
🔴 red_circle 红
🟢 green_circle 绿
🟡 yellow_circle 黄
🔒 locked private 锁
🔑 key 钥匙
🔔 bell notify 铃
🔇 muted silent 静音
🔍 search find 搜索
🔗 link 链接
📌 pin 图钉
📎 attach paperclip 附件
📝 memo note write 笔记
📅 calendar date 日历
📈 chart_up growth 上涨
📉 chart_down 下跌
📷 camera photo 照片
🎵 music note 音乐
🎂 cake birthday 蛋糕 生日
🎁 gift present 礼物
🎈 balloon 气球
🏆 trophy win 奖杯
🥇 gold_medal first 金牌
⚽ football soccer 足球
🏀 basketball 篮球
🎮 game play 游戏
🎲 dice luck 骰子
🎨 art paint 画
🎬 film movie 电影
☕ coffee tea 咖啡
🍵 tea green 茶
🍺 beer 啤酒
🍻 cheers beers 干杯
🍷 wine 红酒
🍕 pizza 披萨
🍔 burger 汉堡
🍜 noodles ramen 面条
🍚 rice 米饭
🥟 dumpling 饺子
🍎 apple 苹果
🍌 banana 香蕉
🍓 strawberry 草莓
🌶️ chili hot 辣椒
🍪 cookie 饼干
🐶 dog 狗
🐱 cat 猫
🐭 mouse 鼠
🐰 rabbit 兔
🐻 bear 熊
🐼 panda 熊猫
🦊 fox 狐狸
🐸 frog 青蛙
🐔 chicken 鸡
🐧 penguin 企鹅
🐢 turtle slow 乌龟
🐛 bug insect 虫
🦋 butterfly 蝴蝶
🐝 bee 蜜蜂
🐙 octopus 章鱼
🐳 whale docker 鲸
🦄 unicorn 独角兽
🌱 seedling plant grow 发芽
🌳 tree 树
🌹 rose flower 玫瑰 花
🌸 blossom flower cherry 樱花
🌞 sun 太阳
🌙 moon night 月亮
🌧️ rain 雨
❄️ snow cold 雪
🌈 rainbow 彩虹
🌊 wave sea 海浪
🌍 world earth globe 地球
🏠 house home 家
🏢 office work 办公室
🚗 car 汽车
🚲 bicycle bike 自行车
🚂 train 火车
✈️ plane flight travel 飞机
🚀 rocket launch ship 火箭 上线
⏰ alarm_clock time 闹钟
⏳ hourglass wait 等待
💻 laptop computer 电脑
📱 phone mobile 手机
🔧 wrench fix tool 修
🔨 hammer build 锤
⚙️ gear settings 设置
🧪 test experiment 测试
🗑️ bin delete trash 垃圾桶
💰 money 钱
💤 sleep zzz 睡
1️⃣ one first 一
2️⃣ two second 二
3️⃣ three third 三
🇨🇳 flag_china 中国
🇬🇧 flag_uk britain 英国
🇺🇸 flag_usa america 美国
🇪🇺 flag_europe 欧盟
🏳️‍🌈 rainbow_flag pride 彩虹旗
`
