"""Aliases of one mailbox, at the providers that are known to have them.

Elsewhere `bob+eve@…` may be another person than `bob@…`. A rule that is wrong locks its voters out, since the code goes
to the address that it leaves: what is not certain is left out, such as that dots and hyphens are the same at Yandex, or
that whoever has `@mac.com` has `@icloud.com` too. Yahoo's and Apple's hidden addresses say nothing about their owner.
"""

_SAME_DOMAIN = {
    "googlemail.com": "gmail.com",  # Gmail Help, answer 10313
    # Each Yandex mailbox has its name in all of these domains (Yandex ID help, "Alternate email addresses").
    **dict.fromkeys(("ya.ru", "yandex.com", "yandex.by", "yandex.kz"), "yandex.ru"),
}
_MICROSOFT = {
    # No account name has a plus, so nothing but a tag can follow one (Outlook.com, plus addressing).
    *("outlook.com", "hotmail.com", "live.com", "msn.com", "passport.com"),
    *(f"outlook.{end}" for end in ("at", "be", "cl", "co.id", "co.th", "com.ar", "com.au", "com.br", "com.vn", "cz")),
    *(f"outlook.{end}" for end in ("de", "dk", "es", "fr", "ie", "in", "it", "jp", "kr", "my", "ph", "pt", "sa", "sg")),
    *(f"hotmail.{end}" for end in ("be", "ca", "co.jp", "co.kr", "co.th", "co.uk", "com.ar", "com.au", "com.br")),
    *(f"hotmail.{end}" for end in ("com.tr", "com.tw", "de", "es", "fr", "it", "nl", "se")),
    *(f"live.{end}" for end in ("at", "be", "ca", "cl", "cn", "co.uk", "com.au", "com.mx", "com.my", "com.sg", "de")),
    *(f"live.{end}" for end in ("dk", "fr", "ie", "in", "it", "jp", "nl", "no", "ru", "se")),
}
_PROTON = {"proton.me", "protonmail.com", "protonmail.ch", "pm.me"}  # Proton support, "Addresses and aliases"
_FASTMAIL = {"fastmail.com", "fastmail.fm"}  # Fastmail help, "Plus addressing and subdomain addressing"
_PLUS_TAGS = {
    *("gmail.com", "yandex.ru"),  # Gmail Help, answer 22370; Yandex Mail help, "Aliases"
    *("icloud.com", "me.com", "mac.com"),  # Apple sells none with a plus; the tag is ignored on delivery
    *("zoho.com", "zohomail.com"),  # Zoho Mail help, "Plus addressing"
    *_MICROSOFT,
    *_PROTON,
    *_FASTMAIL,
}
_MEAN_NOTHING = {
    "gmail.com": ".",  # Gmail Help, answer 7436150
    **dict.fromkeys(_PROTON, ".-_"),  # delivered to one mailbox, as Proton tells those who ask
}


def one_mailbox(local: str, domain: str) -> tuple[str, str]:
    """The one spelling of an address in small letters; before the @ may be left nothing."""
    domain = _SAME_DOMAIN.get(domain, domain)
    user, _, parent = domain.partition(".")
    if parent in _FASTMAIL:  # `x@bob.fastmail.com` is delivered to bob
        local, domain = user, parent
    if domain in _PLUS_TAGS:
        local = local.partition("+")[0]
    for mark in _MEAN_NOTHING.get(domain, ""):
        local = local.replace(mark, "")
    return local, domain
