"""Telling pictures by their first bytes: a name or a header can claim anything."""

MEDIA_TYPES = ("image/png", "image/jpeg", "image/webp")
SIGNATURE_BYTES = 12


def media_type_of(content: bytes) -> str | None:
    """Give the media type of a picture that starts with these bytes, or None for anything else.

    Sources: PNG (ISO 15948) 5.2, JPEG (ITU T.81) B.1.1.3, WebP (RFC 9649) 2.4.
    """
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if content.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if content.startswith(b"RIFF") and content[8:SIGNATURE_BYTES] == b"WEBP":
        return "image/webp"
    return None
