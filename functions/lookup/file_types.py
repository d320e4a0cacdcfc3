"""Types of files as the v4 API shows them. Pure."""

import re

# The letters of the v4 API: executable, document, archive, PDF, graphics, media, text, mail.
_BY_MIME_CLASS = {"image": "G", "audio": "M", "video": "M", "text": "T", "message": "Z"}
_BY_WORD = {
    "E": ("pe", "elf", "macho", "msi", "dosexec", "executable", "apk", "jar", "sharedlib"),
    "P": ("pdf",),
    "D": ("doc", "docm", "docx", "xls", "xlsm", "xlsx", "ppt", "pptx", "rtf", "msword", "office"),
    "A": ("zip", "rar", "7z", "tar", "gzip", "cab", "iso", "archive", "compressed"),
    "T": ("javascript", "vbs", "powershell", "html", "xml", "json", "script"),
    "Z": ("eml", "msg"),
}
_CATEGORY_OF_WORD = {word: letter for letter, words in _BY_WORD.items() for word in words}
_OTHER = "O"
_EXTENSION = re.compile(r"\.([0-9A-Za-z]{1,10})\Z")


def file_category(file_type: str) -> str:
    """Return the category of a type of file.

    Args:
        file_type: MIME type, or the short type of the sandbox such as `pe`.

    Returns:
        A letter, or "" for an unknown type.
    """
    if not file_type:
        return ""
    lower = file_type.lower()
    kind, slash, subtype = lower.partition("/")
    if slash and kind in _BY_MIME_CLASS:
        return _BY_MIME_CLASS[kind]
    for word in re.split(r"[^0-9a-z]+", subtype if slash else lower):
        if word in _CATEGORY_OF_WORD:
            return _CATEGORY_OF_WORD[word]
    return _OTHER


def file_extension(name: str) -> str:
    """Return the extension of a file name without its dot, in lower case; "" if it has none."""
    found = _EXTENSION.search(name)
    return found[1].lower() if found else ""
