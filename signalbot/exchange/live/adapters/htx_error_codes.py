"""What HTX's codes mean: numbers of its contracts, words of its spot market."""

from typing import Final

from signalbot.exchange.live.adapters.error_responses import codes_in
from signalbot.exchange.live.transport.error_codes import ErrorCodes

# Numbers: https://www.htx.com/en-us/opend (USDT-M, error code table). Words: spot.
# No refusals there: 1003 "Abnormal redis operation", 1046 "Abnormal service. Please try again
# later", 1076 "No orders, please try again later". A signature that is wrong has the code 1003 too.
CODES: Final = ErrorCodes(
    rejected=codes_in(
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
    duplicate=codes_in("1050 1064 invalid-client-order-id"),
    would_trigger=codes_in("1405 1407 order-stop-order-hit-trigger"),
    no_margin=codes_in(
        "1047 account-frozen-balance-insufficient-error account-balance-insufficient-error"
    ),
    access_denied=codes_in(
        "403 6023 1010 1012 1100 1101 1109 1110 1113 1115 1205 1220 1221 1222 1223 1224 1225 1227 "
        "1228 1230 1231 1253 1254 1350 1510 12002 12003 12004 12005 12006 12007 12008 12009 "
        "50002 50102 api-signature-not-valid api-signature-check-failed login-required"
    )
    | {"1003|invalid signature"},
    # "Invalid submission time"; what refuses a wrong key refuses a wrong time as well.
    clock=frozenset(
        (
            "12001",
            "403|abnormal timestamp",
            "403|invalid submission time",
            "api-signature-not-valid|invalid submission time",
        )
    ),
    unknown=codes_in("1003 1046 1076"),
    account_limited=codes_in("1032 base-request-exceed-frequency-limit rate-too-many-requests"),
    not_found=codes_in(
        "1017 1051 1061 1063 1071 base-record-invalid order-queryorder-invalid "
        "order-orderstate-error"
    ),
)
