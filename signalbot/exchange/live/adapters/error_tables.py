"""The meaning of every exchange's error codes, from its documentation."""

from typing import Final

from signalbot.exchange.live.transport.error_codes import ErrorCodes

BINANCE_USDM: Final = ErrorCodes.from_text(
    rejected=(
        "-1013 -1014 -1016 -1020 -1100 -1101 -1102 -1103 -1104 -1105 -1106 -1108 -1111 -1114"
        " -1115 -1116 -1117 -1118 -1119 -1121 -1122 -1128 -1130 -1136"
        # what the order is, and what the position, the market or the leverage allows
        " -2016 -2020 -2022 -2023 -2024 -2025 -2026 -2027 -2028"
        " -4001 -4002 -4003 -4004 -4005 -4006 -4007 -4013 -4014 -4015 -4016 -4020 -4022 -4023"
        " -4024 -4028 -4031 -4032 -4045 -4047 -4048 -4060 -4061 -4062 -4067 -4068 -4108 -4118"
        " -4120 -4130 -4131 -4135 -4136 -4137 -4138 -4139 -4140 -4141 -4144 -4161 -4164 -4168"
        " -4183 -4184 -4192 -4202 -4203 -4205 -4206 -4208 -4209 -4210 -4211 -4400 -4403 -4411"
        " -4509 -5021 -5022 -5024 -5025 -5041 -1112 -4084"
    ),
    duplicate="-4115 -4116 -20132",
    would_trigger="-2021 -4142",
    no_margin="-2018 -2019 -4050 -4051",
    access_denied=(
        "-1002 -1005 -1011 -1022 -1099 -1109 -2014 -2015 -2017 -4056 -4057 -4087 -4088 -4109"
        " -4401 -4402"
    ),
    clock="-1021 -5028",
    limited="-1003",
    account_limited="-1015",  # orders of one account
    already_set="-4046 -4059",
    not_found="-2011 -2013",
    # -2010 refuses an order for any reason, and -4117 finds a stop about to trigger.
    unknown="-1000 -1001 -1006 -1007 -1008 -1010 -2010 -4117",
)

# https://developers.binance.com/docs/binance-spot-api-docs/errors
BINANCE_SPOT: Final = ErrorCodes.from_text(
    rejected=(
        "-1013 -1014 -1016 -1020 -1100 -1101 -1102 -1103 -1104 -1105 -1106 -1108 -1111 -1114"
        " -1115 -1116 -1117 -1118 -1119 -1121 -1128 -1130 -1131 -1135 -1145 -2016"
    ),
    no_margin="-2018 -2019",
    access_denied="-1002 -1022 -1099 -2008 -2014 -2015",
    clock="-1021",
    limited="-1003",
    account_limited="-1015",  # orders of one account
    not_found="-2011 -2013 -2026",
    # "New order rejected", for any reason: a duplicate too. ccxt knows the reasons that matter
    # (no balance, a stop beyond the price) by their text, and their errors carry no code.
    unknown="-1000 -1001 -1006 -1007 -1008 -1010 -2010",
)

# ``retCode``: 110xxx of contracts, 170xxx of spot, 10xxx of both.
BYBIT: Final = ErrorCodes.from_text(
    rejected=(  # parameters, accounts and symbols
        "7001 10001 10017 10029 110018 110019 110031 110032 110037 110049 110050 110070 170105"
        " 170115 170116 170117 170121 170130 170202 170203 170241 181001 3100116 3100198"
        # price, size and number of orders
        " 110003 110009 110016 110020 110021 110022 110023 110042 110089 110090 110094 110105"
        " 130006 170010 170011 170019 170124 170132 170133 170134 170135 170136 170137 170140"
        " 170148 170159 170192 170193 170194 170195 170196 170197 170198 170204 170206 170210"
        " 170217 170218 170228 170229 170371 170372 12137 -1140 -1197 30208 110118 110120 170199"
        " 170200 170341 170381 170382 170810"
        # the position does not allow it
        " 110005 110011 110017 110034 110035 110039 110040 110041 110046 110057 110058 110059"
        " 110060 110061"
        # the market does not
        " 110063 110066 110074 110085 110095 110098 110099 110101 110103 110121 110126 170031"
        " 170151 170157 170209 170221 170223 170226 170227"
        # cancelling what has ended; what it came to is looked up
        " 110008 110010 170139 170142 170190"
        # leverage, margin mode
        " 110013 110015 110024 110028 110029 110036 110038 110047 110048 110073 3400045"
    ),
    duplicate="10014 12141 30001 110030 110072 140030 170141",
    would_trigger="30074 30075 110092 110093 130074",
    no_margin=(
        "110004 110006 110007 110012 110014 110044 110045 110051 110052 110053 130021 131001"
        " 170033 170034 170131 3200300"
    ),
    access_denied=(
        "10003 10004 10005 10007 10008 10010 10020 10024 10027 10028 33004 -2015 110065 110067"
        " 110068 110069 131004 170201 170224"
    ),
    clock="10002 -1021",
    limited="10009 10018",
    # Counted by the second and account (https://bybit-exchange.github.io/docs/v5/rate-limit); 10429
    # and 429 are the system's own protection, which a moment's wait is enough for as well.
    account_limited="429 10006 10429 170005 170222",
    already_set="34040 110025 110026 110027 110043 34036 140025 140026 140027 140043",
    not_found="20001 30034 110001 140001 170213",
    # Time-outs behind the gateway, "submitted to the system" and "is being processed"; ccxt calls
    # some of them bad requests or invalid orders.
    unknown=("5004 10000 10016 110079 170001 170007 170032 170035 170146 170147 170149 170191"),
)

# 50xxx of every request, 51xxx of orders, 59xxx of the account.
OKX: Final = ErrorCodes.from_text(
    rejected=(
        "50002 50006 50028 50032 50044 50115"
        " 50014..50025"  # parameters; positions, coins and accounts that are frozen
        " 51000..51031"  # parameters, symbols, sizes, contracts that are not traded
        " 51046..51053"  # an attached stop or target on the wrong side
        " 51033..51034 51037..51038 51044 51056 51087 51090..51099"
        " 51058"  # no position for a conditional order
        " 51100..51139"  # sizes, limits of price and position, reduce-only
        " 51142..51144 51148 51150 51187 51206..51207"
        " 51155..51185"  # not in this country; too many orders; nothing to reduce (51169)
        " 51201..51205"
        " 51250..51276"  # conditional orders
        " 51281 51298..51299"  # how many conditional orders there may be
        " 51321..51333 51341..51342 51413 51415..51416 51507"
        " 51403..51410"  # cancelling what cannot be cancelled, or is about to be
        " 54000..54099"
        " 59000..59001 59100..59109 59128"  # leverage and account settings
    ),
    duplicate="50071 51011 51016 51065 51068",
    # Stop or target beyond the last price, the mark or the index.
    would_trigger="51277 51278 51279 51280 51300 51302 51303 51304 51305 51306 51307 51308",
    no_margin="51008 51119 51127 51131 51502 59103 59108 59200 59201",
    access_denied=(
        "4088 50007 50008 50009 50010 50012 50027 50030 50035 50100 50101 50103 50104 50105 50106"
        " 50029 50051 50052 50059 50060 50107 50110 50111 50113 50114 50119 50120 50121 51009"
        " 51010 51024 51732 51733 51734 59113"
    ),
    clock="50102 50112",
    # Of the account; at public endpoints of the address, and those have an executor of their own.
    account_limited="50011 50040 50061 51113",
    not_found="51400 51401 51402 51503 51509 51603",
    unknown="50001 50004 50005 50013 50026",
)

# https://www.bitget.com/api-doc/common/error-code/restapi: of contracts and of spot.
BITGET: Final = ErrorCodes.from_text(
    rejected=(
        "00171 00172 22002 22004 22005 22006 22007 22008 22009 22012 22029 22034 22038 22039 22040 "
        "22041 22042 22043 22044 22045 22067 40017 400172 40019 40020 40034 40064 40072 40102 "
        "40108 40304 40305 40309 40402 40500 40706 40708 40715 40716 40717 40718 40719 40720 40721 "
        "40722 40723 40734 40746 40748 40755 40757 40758 40761 40764 40765 40766 40774 40775 40778 "
        "40804 40808 40815 40816 40820 40821 40824 40826 40829 40831 40833 40835 40837 40867 40878 "
        "40889 40890 40891 40895 40921 40928 40931 40939 43005 43006 43007 43008 43009 43010 43011 "
        "43023 43024 43027 43028 43029 43030 43031 43037 43038 43039 43040 43041 43042 43043 43058 "
        "43071 43075 43115 43119 43120 43123 43128 45003 45005 45006 45007 45009 45014 45018 45020 "
        "45021 45025 45026 45031 45035 45043 45051 45052 45055 45056 45064 45065 45066 45067 45068 "
        "45107 45108 45109 45110 45111 45112 45113 45114 45115 45116 45118 45119 45121 45123 45127 "
        "45129 46013 48001 48002 50024 50025 50027 50028 50030 50039 50046 50047 50048 50062 50065 "
        "50068 50081"
    ),
    duplicate="25212 40786 43118 45034 50060",
    would_trigger=(
        "40830 40832 40834 40836 40915 40917 43013 43014 43015 43016 43034 43035 45060 45061 45062 "
        "45122"
    ),
    no_margin=("43132 45002 45004 45120 40711 40712 40754 40756 40762 40798 40800 43012 50020"),
    access_denied=(
        "40001 40002 40003 40006 40009 40011 40012 40013 40014 40016 40018 40022 40023 40024 40025 "
        "40026 40031 40036 40037 40038 40040 40041 40084 40085 40100 40101 40104 40111 40199 40301 "
        "40710 40752 40753 40760 40916 50012 50013 50023 50064"
    ),
    clock="40004 40005 40008 40078",
    limited="429 30007 50009",
    already_set="40814 45054",
    # Requests that timed out; ccxt takes the first for a bad key.
    unknown="40010 40910",
    not_found="22001 25204 40109 40768 43001 43004 43020 43021 43025 43026 45057",
)

# Numbers of contracts: https://www.htx.com/en-us/opend (USDT-M, error code table). Words: of spot.
# Not rejections: 1003 "Abnormal redis operation", 1046 "Abnormal service. Please try again later",
# 1076 "No orders, please try again later". A wrong signature has the code 1003 as well.
HTX: Final = ErrorCodes.from_text(
    rejected=(
        "1013 1014 1016 1030 1031 1034 1035 1036 1037 1038 1039 1040 1041 1042 1043 1044 "
        "1048 1049 1055 1056 1057 1058 1059 1060 1065 1066 1067 1069 1072 1074 1075 1077 1081 "
        "1082 1083 1084 1085 1086 1087 1090 1091 1092 1093 1094 1097 1104 1105 1106 1206 1233 "
        "1234 1235 1349 1403 1404 1412 1450 1453 1454 1461 1462 1484 1486 1488 1489 1490 1491 "
        "1492 1499 1500 1502 1511 2100 1033 1332 1348 1408 1409 1451 1452 1463 1464 1465 1468 1469 "
        "1480 1485 1487 1498 2020 2040 4009 10921 10931 "
        "bad-request invalid-amount validation-format-error validation-constraints-required "
        "base-symbol-error base-symbol-trade-disabled order-value-min-error "
        "order-invalid-price order-holding-limit-failed order-orderprice-precision-error "
        "order-orderamount-precision-error order-amount-min-error order-amount-max-error "
        "order-limitorder-amount-min-error order-limitorder-amount-max-error "
        "order-marketorder-amount-min-error order-limitorder-price-min-error "
        "order-limitorder-price-max-error order-limitorder-price-buy-min-error "
        "order-limitorder-price-buy-max-error order-limitorder-price-sell-min-error "
        "order-limitorder-price-sell-max-error order-etp-nav-price-max-error "
        "order-disabled cancel-disabled"
    ),
    duplicate="1050 1064 invalid-client-order-id",
    would_trigger="1405 1407 order-stop-order-hit-trigger",
    no_margin=("1047 account-frozen-balance-insufficient-error account-balance-insufficient-error"),
    access_denied=(
        "403 6023 1010 1012 1100 1101 1109 1110 1113 1115 1205 1220 1221 1222 1223 1224 1225 1227 "
        "1228 1230 1231 1253 1254 1350 1510 12002 12003 12004 12005 12006 12007 12008 12009 "
        "50002 50102 api-signature-not-valid api-signature-check-failed login-required "
        "'1003|invalid signature'"
    ),
    # "Invalid submission time"; the codes of a wrong key are those of a wrong time as well.
    clock=(
        "12001 '403|abnormal timestamp' '403|invalid submission time' "
        "'api-signature-not-valid|invalid submission time'"
    ),
    unknown="1003 1046 1076",
    account_limited="1032 base-request-exceed-frequency-limit rate-too-many-requests",
    not_found=(
        "1017 1051 1061 1063 1071 base-record-invalid order-queryorder-invalid "
        "order-orderstate-error"
    ),
)

# https://mexcdevelop.github.io/apidocs/contract_v1_en/#error-code and .../spot_v3_en/#error-code
MEXC: Final = ErrorCodes.from_text(
    rejected=(
        "600 601 1001 1002 1003 1004 2001 2002 2003 2004 2006 2007 2008 2009 2011 2014 "
        "2015 2016 2021 2022 2023 2024 2025 2027 2028 2029 2030 2031 2032 2033 2035 2036 2038 2041 "
        "3001 3002 3003 3004 5003 5004 6001 6002 6005 "
        "-1121 -1128 10007 10095 10096 10097 10098 10102 30000 30001 30002 30003 30005 30010 "
        "30014 30016 30018 30019 30021 30025 30027 30028 30029 30032 30041 30087 33333 44444 "
        "700004 700008 730002 88013"
    ),
    duplicate="603",
    no_margin="2005 2018 10101 30004",
    access_denied=(
        "401 402 403 406 511 602 701 702 703 704 1000 10001 10072 30020 60005 70011 700001 "
        "700002 700006 700007 730100 140002"
    ),
    clock="513 10073 700003 700005",
    limited="429",
    account_limited="510 2037",
    not_found="-2011 -2013 2040 5002 22222",
)

# https://docs.kraken.com/api/docs/guides/spot-errors
KRAKEN: Final = ErrorCodes.from_text(
    rejected=(
        "'EQuery:Invalid asset pair' 'EQuery:Unknown asset pair' 'EGeneral:Invalid arguments' "
        "'EOrder:Invalid order' 'EOrder:Invalid price' 'EOrder:Order minimum not met' "
        "'EOrder:Cost minimum not met' 'EOrder:Tick size check failed' "
        "'EOrder:Orders limit exceeded' 'EOrder:Cannot open position' "
        "'EOrder:Trading agreement required' 'EOrder:Post only order' "
        "'EOrder:Market order is not allowed' 'EService:Market in cancel' "
        "'EService:Market in limit' 'EService:Market in post' 'EService:Deadline elapsed' "
        "'EOrder:Invalid deadline'"
    ),
    no_margin="'EOrder:Insufficient funds' 'EOrder:Insufficient margin'",
    access_denied=(
        "'EAPI:Invalid key' 'EAPI:Invalid signature' 'EGeneral:Permission denied' "
        "'ESession:Invalid session' 'EAccount:Invalid permissions' 'ETrade:User Locked'"
    ),
    clock="'EAPI:Invalid nonce'",
    limited="'EGeneral:Too many requests'",
    # The counter of a key, of its orders in a pair, of its requests at a time.
    account_limited=(
        "'EAPI:Rate limit exceeded' 'EOrder:Rate limit exceeded' 'EGeneral:Temporary lockout' "
        "'EService: Throttled' EService:Throttled"
    ),
    not_found="'EOrder:Unknown order'",
)

# https://docs.kraken.com/api/docs/futures-api/trading/send-order
KRAKEN_FUTURES: Final = ErrorCodes.from_text(
    rejected=(
        "invalidOrderType invalidSide invalidSize invalidPrice selfFill "
        "tooManySmallOrders maxPositionViolation marketSuspended marketInactive "
        "clientOrderIdTooLong outsidePriceCollar postWouldExecute iocWouldNotExecute "
        "wouldNotReducePosition wouldProcessAfterSpecifiedTime requiredArgumentMissing "
        "invalidArgument contractNotFound marketUnavailable wouldCauseLiquidation "
        "tooManyOrders clientOrderIdTooBig clientOrderIdInvalid wouldIncreasePriceDislocation "
        "marketIsPostOnly fixedLeverageTooHigh orderForEditNotAStop invalidAccount "
        "invalidAmount invalidUnit"
    ),
    duplicate="clientOrderIdAlreadyExist",
    no_margin="insufficientAvailableFunds insufficientFunds INSUFFICIENT_MARGIN 92",
    access_denied="authenticationError accountInactive Forbidden",
    clock="nonceBelowThreshold nonceDuplicate",
    account_limited="apiLimitExceeded",
    not_found="notFound orderForEditNotFound",
)
