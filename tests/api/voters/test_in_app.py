"""Browsers inside apps, by their User-Agent."""

import pytest

from api.voters.in_app import in_app

ANDROID = "Mozilla/5.0 (Linux; Android 12; CPH2239 Build/SP1A.210812.016; wv) AppleWebKit/537.36 (KHTML, like Gecko) "
VIEW = ANDROID + "Version/4.0 Chrome/119.0.6045.66 Mobile Safari/537.36"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_1_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "

APPS = [
    ("Zalo", VIEW + " Zalo android/12100641 ZaloTheme/light ZaloLanguage/vi"),
    ("Zalo", IPHONE + "Mobile/15E148 Zalo iOS/572 ZaloTheme/dark ZaloLanguage/vi"),
    ("Facebook", VIEW + "[FB_IAB/FB4A;FBAV/441.0.0.33.105;]"),
    (
        "Facebook",
        IPHONE + "Mobile/21B101 [FBAN/FBIOS;FBAV/442.0.0.34.113;FBBV/538;FBDV/iPhone14,5;FBLC/vi_VN]",
    ),
    ("Messenger", VIEW + " [FB_IAB/Orca-Android;FBAV/435.0.0.38.104;]"),
    ("Messenger", VIEW + " [FB_IAB/MESSENGER;FBAV/435.0.0.38.104;]"),
    ("Messenger", IPHONE + "Mobile/21B101 [FBAN/MessengerForiOS;FBAV/436.0.0.36.107;FBLC/vi_VN;FBOP/5]"),
    ("Instagram", VIEW + " Instagram 309.0.0.40.113 Android (31/12; 480dpi; 1080x2169; OPPO; CPH2239; OP4F2F; vi_VN)"),
    ("Instagram", IPHONE + "Mobile/15E148 Instagram 308.0.3.20.89 (iPhone14,5; iOS 17_1_2; vi_VN; vi) FBAN/x FBAV/308"),
    (
        "TikTok",
        VIEW + " musical_ly_2023207030 JsSdk/1.0 NetType/WIFI AppName/trill BytedanceWebview/d8a21c6",
    ),
    (
        "TikTok",
        IPHONE + "Mobile/15E148 musical_ly_32.3.0 JsSdk/2.0 NetType/4G ByteLocale/vi Region/VN",
    ),
    ("TikTok", IPHONE + "Mobile/15E148 BytedanceWebview/d8a21c6 ByteFullLocale/vi-VN"),
    ("LINE", VIEW + " Line/13.19.1/IAB"),
    ("LINE", IPHONE + "Mobile/15E148 Safari Line/13.19.0"),
]


@pytest.mark.parametrize(("app", "agent"), APPS)
def test_an_app_is_known_by_its_name(app: str, agent: str) -> None:
    found = in_app(agent)
    assert found is not None
    assert (found.name, found.is_sure) == (app, True)


@pytest.mark.parametrize("agent", [VIEW, IPHONE + "Mobile/15E148"])
def test_a_web_view_alone_is_a_weak_sign(agent: str) -> None:
    found = in_app(agent)
    assert found is not None
    assert not found.is_sure


WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
SAMSUNG = "Mozilla/5.0 (Linux; Android 13; SAMSUNG SM-A145F) AppleWebKit/537.36 (KHTML, like Gecko) "
MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "

BROWSERS = [
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/119.0.0.0 Mobile Safari/537.36",
    IPHONE + "Version/17.1 Mobile/15E148 Safari/604.1",
    IPHONE + "CriOS/119.0.6045.109 Mobile/15E148 Safari/604.1",
    SAMSUNG + "SamsungBrowser/23.0 Chrome/115.0.0.0 Mobile Safari/537.36",
    WINDOWS + "coc_coc_browser/116.0.166 Chrome/110.0.0.0 Safari/537.36",
    MAC + "Version/17.1 Safari/605.1.15",
    "Mozilla/5.0 (Android 13; Mobile; rv:120.0) Gecko/120.0 Firefox/120.0",
    "Mozilla/5.0 (X11; Linux x86_64; Airline/7) Gecko/20100101 Firefox/120.0",
    "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
    "curl/8.4.0",
    "",
    "a" * 10_000,
]


@pytest.mark.parametrize("agent", BROWSERS)
def test_a_browser_of_its_own_is_none(agent: str) -> None:
    assert in_app(agent) is None
