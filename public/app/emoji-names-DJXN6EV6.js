var e=`
\u{1F44D} thumbs_up yes good agree like \u8D5E \u597D \u540C\u610F
\u{1F44E} thumbs_down no bad disagree \u8E29 \u4E0D\u540C\u610F
\u2764\uFE0F heart love \u7231 \u5FC3
\u{1F602} tears_of_joy laugh lol funny \u7B11\u54ED \u7B11
\u{1F389} party celebrate congratulations hooray \u5E86\u795D \u606D\u559C
\u{1F440} eyes look watching \u770B \u5173\u6CE8
\u2705 check done ok \u5B8C\u6210 \u5BF9
\u{1F64F} thanks please pray \u8C22\u8C22 \u62DC\u6258
\u{1F525} fire hot great \u706B
\u{1F600} grinning happy smile \u5F00\u5FC3
\u{1F603} smiling_open happy joy \u9AD8\u5174
\u{1F604} smile happy eyes \u5FAE\u7B11
\u{1F601} beaming grin \u563B\u563B
\u{1F606} laughing squint \u5927\u7B11
\u{1F605} sweat_smile relief phew \u6C57
\u{1F923} rolling_on_the_floor rofl laugh \u7206\u7B11
\u{1F642} slight_smile \u5FAE\u5FAE\u7B11
\u{1F643} upside_down irony \u5012\u8138
\u{1F609} wink \u7728\u773C
\u{1F60A} blush smile warm \u5BB3\u7F9E
\u{1F607} angel halo innocent \u5929\u4F7F
\u{1F970} in_love hearts adore \u559C\u7231
\u{1F60D} heart_eyes love \u82B1\u75F4
\u{1F618} kiss blow \u98DE\u543B
\u{1F60B} yum tasty delicious \u597D\u5403
\u{1F61C} winking_tongue joke crazy \u8C03\u76AE
\u{1F92A} zany silly crazy \u75AF
\u{1F914} thinking hmm \u601D\u8003 \u60F3
\u{1F928} raised_eyebrow doubt \u6000\u7591
\u{1F610} neutral meh \u65E0\u8BED
\u{1F636} no_mouth silent \u6C89\u9ED8
\u{1F644} rolling_eyes \u767D\u773C
\u{1F60F} smirk \u5F97\u610F
\u{1F62C} grimace awkward \u5C34\u5C2C
\u{1F60C} relieved calm \u653E\u5FC3
\u{1F634} sleeping tired night \u7761\u89C9 \u56F0
\u{1F637} mask sick \u53E3\u7F69
\u{1F912} thermometer ill fever \u53D1\u70E7
\u{1F915} bandage hurt \u53D7\u4F24
\u{1F92F} mind_blown exploding \u9707\u60CA
\u{1F973} partying birthday \u6D3E\u5BF9
\u{1F60E} cool sunglasses \u9177
\u{1F913} nerd glasses \u4E66\u5446\u5B50
\u{1F615} confused \u56F0\u60D1
\u{1F641} frown sad \u4E0D\u9AD8\u5174
\u{1F62E} surprised wow open_mouth \u60CA\u8BB6
\u{1F633} flushed embarrassed \u8138\u7EA2
\u{1F97A} pleading puppy \u6073\u6C42
\u{1F622} crying sad tear \u54ED \u96BE\u8FC7
\u{1F62D} sobbing cry loud \u5927\u54ED
\u{1F631} scream fear shocked \u5C16\u53EB
\u{1F621} angry mad rage \u751F\u6C14
\u{1F624} huffing steam proud \u54FC
\u{1F92C} swearing curse \u9A82
\u{1F480} skull dead \u9AB7\u9AC5
\u{1F4A9} poop \u4FBF\u4FBF
\u{1F916} robot bot \u673A\u5668\u4EBA
\u{1F47B} ghost halloween \u9B3C
\u{1F44B} wave hello bye hi \u4F60\u597D \u518D\u89C1
\u270B raised_hand stop \u4E3E\u624B
\u{1F44C} ok_hand perfect \u6CA1\u95EE\u9898
\u270C\uFE0F victory peace \u80DC\u5229
\u{1F91E} crossed_fingers luck hope \u597D\u8FD0
\u{1F919} call_me hang_loose \u6253\u7535\u8BDD
\u{1F449} point_right \u53F3
\u{1F446} point_up this \u4E0A
\u{1F447} point_down below \u4E0B
\u{1F44F} clap applause bravo \u9F13\u638C
\u{1F64C} raising_hands hooray \u4E07\u5C81
\u{1F91D} handshake deal \u63E1\u624B
\u{1F4AA} muscle strong \u52A0\u6CB9 \u5F3A
\u{1F937} shrug dunno \u4E0D\u77E5\u9053
\u{1F926} facepalm \u6342\u8138
\u{1F64B} raising_hand me question \u6211
\u{1F647} bow sorry \u97A0\u8EAC \u5BF9\u4E0D\u8D77
\u{1F483} dancing dance \u8DF3\u821E
\u{1F3C3} running run \u8DD1
\u{1F468}\u200D\u{1F469}\u200D\u{1F467} family \u5BB6\u5EAD
\u{1F476} baby \u5B9D\u5B9D
\u{1F9D1}\u200D\u{1F4BB} technologist programmer laptop \u7A0B\u5E8F\u5458
\u{1F494} broken_heart \u5FC3\u788E
\u{1F49B} yellow_heart \u9EC4\u5FC3
\u{1F49A} green_heart \u7EFF\u5FC3
\u{1F499} blue_heart \u84DD\u5FC3
\u{1F49C} purple_heart \u7D2B\u5FC3
\u{1F5A4} black_heart \u9ED1\u5FC3
\u{1F4AF} hundred perfect \u6EE1\u5206
\u{1F4A5} boom collision \u7206\u70B8
\u2728 sparkles magic new \u95EA\u4EAE
\u2B50 star \u661F
\u{1F31F} glowing_star \u661F\u661F
\u{1F4A1} idea light_bulb \u4E3B\u610F
\u2753 question \u95EE\u9898
\u2757 exclamation important \u91CD\u8981
\u26A0\uFE0F warning careful \u8B66\u544A
\u{1F6A8} alarm emergency alert \u8B66\u62A5
\u{1F6AB} forbidden no stop \u7981\u6B62
\u274C cross wrong no \u9519
\u2795 plus add \u52A0
\u{1F534} red_circle \u7EA2
\u{1F7E2} green_circle \u7EFF
\u{1F7E1} yellow_circle \u9EC4
\u{1F512} locked private \u9501
\u{1F511} key \u94A5\u5319
\u{1F514} bell notify \u94C3
\u{1F507} muted silent \u9759\u97F3
\u{1F50D} search find \u641C\u7D22
\u{1F517} link \u94FE\u63A5
\u{1F4CC} pin \u56FE\u9489
\u{1F4CE} attach paperclip \u9644\u4EF6
\u{1F4DD} memo note write \u7B14\u8BB0
\u{1F4C5} calendar date \u65E5\u5386
\u{1F4C8} chart_up growth \u4E0A\u6DA8
\u{1F4C9} chart_down \u4E0B\u8DCC
\u{1F4F7} camera photo \u7167\u7247
\u{1F3B5} music note \u97F3\u4E50
\u{1F382} cake birthday \u86CB\u7CD5 \u751F\u65E5
\u{1F381} gift present \u793C\u7269
\u{1F388} balloon \u6C14\u7403
\u{1F3C6} trophy win \u5956\u676F
\u{1F947} gold_medal first \u91D1\u724C
\u26BD football soccer \u8DB3\u7403
\u{1F3C0} basketball \u7BEE\u7403
\u{1F3AE} game play \u6E38\u620F
\u{1F3B2} dice luck \u9AB0\u5B50
\u{1F3A8} art paint \u753B
\u{1F3AC} film movie \u7535\u5F71
\u2615 coffee tea \u5496\u5561
\u{1F375} tea green \u8336
\u{1F37A} beer \u5564\u9152
\u{1F37B} cheers beers \u5E72\u676F
\u{1F377} wine \u7EA2\u9152
\u{1F355} pizza \u62AB\u8428
\u{1F354} burger \u6C49\u5821
\u{1F35C} noodles ramen \u9762\u6761
\u{1F35A} rice \u7C73\u996D
\u{1F95F} dumpling \u997A\u5B50
\u{1F34E} apple \u82F9\u679C
\u{1F34C} banana \u9999\u8549
\u{1F353} strawberry \u8349\u8393
\u{1F336}\uFE0F chili hot \u8FA3\u6912
\u{1F36A} cookie \u997C\u5E72
\u{1F436} dog \u72D7
\u{1F431} cat \u732B
\u{1F42D} mouse \u9F20
\u{1F430} rabbit \u5154
\u{1F43B} bear \u718A
\u{1F43C} panda \u718A\u732B
\u{1F98A} fox \u72D0\u72F8
\u{1F438} frog \u9752\u86D9
\u{1F414} chicken \u9E21
\u{1F427} penguin \u4F01\u9E45
\u{1F422} turtle slow \u4E4C\u9F9F
\u{1F41B} bug insect \u866B
\u{1F98B} butterfly \u8774\u8776
\u{1F41D} bee \u871C\u8702
\u{1F419} octopus \u7AE0\u9C7C
\u{1F433} whale docker \u9CB8
\u{1F984} unicorn \u72EC\u89D2\u517D
\u{1F331} seedling plant grow \u53D1\u82BD
\u{1F333} tree \u6811
\u{1F339} rose flower \u73AB\u7470 \u82B1
\u{1F338} blossom flower cherry \u6A31\u82B1
\u{1F31E} sun \u592A\u9633
\u{1F319} moon night \u6708\u4EAE
\u{1F327}\uFE0F rain \u96E8
\u2744\uFE0F snow cold \u96EA
\u{1F308} rainbow \u5F69\u8679
\u{1F30A} wave sea \u6D77\u6D6A
\u{1F30D} world earth globe \u5730\u7403
\u{1F3E0} house home \u5BB6
\u{1F3E2} office work \u529E\u516C\u5BA4
\u{1F697} car \u6C7D\u8F66
\u{1F6B2} bicycle bike \u81EA\u884C\u8F66
\u{1F682} train \u706B\u8F66
\u2708\uFE0F plane flight travel \u98DE\u673A
\u{1F680} rocket launch ship \u706B\u7BAD \u4E0A\u7EBF
\u23F0 alarm_clock time \u95F9\u949F
\u23F3 hourglass wait \u7B49\u5F85
\u{1F4BB} laptop computer \u7535\u8111
\u{1F4F1} phone mobile \u624B\u673A
\u{1F527} wrench fix tool \u4FEE
\u{1F528} hammer build \u9524
\u2699\uFE0F gear settings \u8BBE\u7F6E
\u{1F9EA} test experiment \u6D4B\u8BD5
\u{1F5D1}\uFE0F bin delete trash \u5783\u573E\u6876
\u{1F4B0} money \u94B1
\u{1F4A4} sleep zzz \u7761
1\uFE0F\u20E3 one first \u4E00
2\uFE0F\u20E3 two second \u4E8C
3\uFE0F\u20E3 three third \u4E09
\u{1F1E8}\u{1F1F3} flag_china \u4E2D\u56FD
\u{1F1EC}\u{1F1E7} flag_uk britain \u82F1\u56FD
\u{1F1FA}\u{1F1F8} flag_usa america \u7F8E\u56FD
\u{1F1EA}\u{1F1FA} flag_europe \u6B27\u76DF
\u{1F3F3}\uFE0F\u200D\u{1F308} rainbow_flag pride \u5F69\u8679\u65D7
`;export{e as default};
//# sourceMappingURL=emoji-names-DJXN6EV6.js.map
