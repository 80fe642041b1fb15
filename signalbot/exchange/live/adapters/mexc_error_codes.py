"""What MEXC's codes mean: numbers of its contracts, and of its spot market."""

from typing import Final

from signalbot.exchange.live.adapters.error_responses import codes_in
from signalbot.exchange.live.transport.error_codes import ErrorCodes

# https://mexcdevelop.github.io/apidocs/contract_v1_en/#error-code and .../spot_v3_en/#error-code
CODES: Final = ErrorCodes(
    rejected=codes_in(
        "600 601 1001 1002 1003 1004 2001 2002 2003 2004 2006 2007 2008 2009 2011 2014 "
        "2015 2016 2021 2022 2023 2024 2025 2027 2028 2029 2030 2031 2032 2033 2035 2036 2038 2041 "
        "3001 3002 3003 3004 5003 5004 6001 6002 6005 "
        "-1121 -1128 10007 10095 10096 10097 10098 10102 30000 30001 30002 30003 30005 30010 "
        "30014 30016 30018 30019 30021 30025 30027 30028 30029 30032 30041 30087 33333 44444 "
        "700004 700008 730002 88013"
    ),
    duplicate=codes_in("603"),
    no_margin=codes_in("2005 2018 10101 30004"),
    access_denied=codes_in(
        "401 402 403 406 511 602 701 702 703 704 1000 10001 10072 30020 60005 70011 700001 "
        "700002 700006 700007 730100 140002"
    ),
    clock=codes_in("513 10073 700003 700005"),
    limited=codes_in("429"),
    account_limited=codes_in("510 2037"),
    not_found=codes_in("-2011 -2013 2040 5002 22222"),
)
