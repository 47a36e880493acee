"""Clients of other services that wait for an answer, by the names of their methods."""

import re
from typing import Final


def _anywhere(verbs: str) -> str:
    """These methods at any depth below a client, but not below what one of them gave back."""
    return rf"(?:(?!(?:{verbs})\.)\w+\.)*(?:{verbs})"


_CURSOR: Final = r"(?:\w+\.)*(?:execute\w*|callproc|copy\w*|commit|rollback|fetch\w+|backup|iterdump)"
_BOTO: Final = (
    r"(?!generate_|get_paginator|get_waiter|can_paginate|exceptions|close)[a-z]\w*|get_waiter\.wait"
)
_RESOURCE: Final = (
    r"(?:[A-Z]\w*\.)*(?:(?:batch_writer|meta\.client)\.)?(?!batch_writer|get_available)[a-z]\w*"
    r"|(?:[A-Z]\w*\.)+\w+\.delete"
)
_REDIS: Final = (
    r"(?:from_url\.)?(?:(?:(?:json|ft|ts)\.)?(?!from_|pipeline|lock|pubsub|register_|close|get_)[a-z]\w*"
    r"|pipeline\.execute|lock\.acquire)"
)
_MODEL: Final = _anywhere(
    r"create\w*|list\w*|retrieve\w*|delete\w*|generate|edit|parse|stream|cancel|update|upload\w*|submit\w*|poll"
)
_SEARCH: Final = (
    r"(?:options\.)?(?:(?:indices|cluster|cat|nodes|ingest|tasks|snapshot|security|sql)\.)?"
    r"(?!close|options|transport)[a-z]\w*"
)
_GOOGLE: Final = (
    r"(?:\w+\.)*(?:(?:upload|download|list|get|create|delete|insert|load|access)_\w+"
    r"|query|result|reload|exists|stream|delete)"
)
_MONGO: Final = (
    r"(?:\w+\.)*(?:find_\w+|insert_\w+|update_\w+|delete_\w+|replace_one|aggregate|count_\w+|command"
    r"|distinct|bulk_write|create_index|drop\w*|list_\w+|server_info)"
)
_PAYING: Final = "(?:create|retrieve|modify|list|search|delete|capture|confirm|cancel|pay|refund)"
_STRIPE: Final = rf"(?:[a-z]\w*\.)*[A-Z]\w*\.{_PAYING}|StripeClient\.(?:\w+\.)+{_PAYING}"
_DOCKER: Final = (
    r"(?:containers|images|networks|volumes|services|nodes|swarm|plugins|secrets|configs)"
    r"\.(?:list|get|get_registry_data|create|run|build|pull|push|load|search|remove|prune\w*|init|join|leave)"
    r"(?:\.(?:attach|commit|connect|diff|disconnect|exec_run|export|get_archive|history|kill|logs|pause"
    r"|put_archive|reload|remove|rename|resize|restart|save|scale|start|stats|stop|tag|tasks|top|unpause"
    r"|update|wait))?|ping|info|version|df|events|login"
)
_METHODS: Final = (
    ("sqlite3.connect psycopg2.connect psycopg.connect pymysql.connect mysql.connector.connect", _CURSOR),
    ("smtplib.SMTP smtplib.SMTP_SSL", r"(?!close|set_|add)[a-z]\w*"),
    ("boto3.client boto3.session.Session.client boto3.Session.client", _BOTO),
    ("boto3.resource", _RESOURCE),
    ("redis.Redis redis.StrictRedis redis.from_url redis.client.Redis", _REDIS),
    ("openai.OpenAI openai.AzureOpenAI anthropic.Anthropic groq.Groq", _MODEL),
    ("openai.chat.completions openai.ChatCompletion openai.Completion", "create"),
    ("ffmpeg", r"(?:\w+\.)*run|probe"),
    ("docker.from_env docker.DockerClient docker.client.from_env docker.client.DockerClient", _DOCKER),
    ("nltk", "download"),
    ("newspaper.Article", "download|build"),
    ("minio.Minio", r"(?!presigned|get_presigned)[a-z]\w*"),
    ("elasticsearch.Elasticsearch opensearchpy.OpenSearch", _SEARCH),
    (
        "meilisearch.Client meilisearch.client.Client",
        r"(?!index$|generate_)[a-z]\w*|(?:get_)?index\.[a-z]\w*",
    ),
    ("qdrant_client.QdrantClient", r"(?!close)[a-z]\w*"),
    ("stripe", _STRIPE),
    ("twilio.rest.Client", _anywhere("create|list|fetch|update|delete|stream")),
    ("sendgrid.SendGridAPIClient", r"send|(?:\w+\.)*send\.post"),
    ("google.cloud", _GOOGLE),
    ("pymongo.MongoClient", _MONGO),
    ("supabase.create_client", r"(?:\w+\.)*(?:execute|upload|download|sign_\w+|get_user)"),
)
"""Clients, each with what follows its name where a method waits.

What such a method gives back is a plain object as often as not: ``get_object(...).get("Body")`` is no second
request. So it is told how deep below the client a method waits.
"""
_WAITING: Final = {client: re.compile(tail) for clients, tail in _METHODS for client in clients.split()}
_TOPS: Final = tuple(sorted({client.partition(".")[0] + "." for client in _WAITING}))
_LAZY: Final = re.compile(
    r"boto3\.(?:\w+\.)*get_paginator\.paginate|boto3\.(?:\w+\.)*resource\.(?:\w+\.)*(?:all|filter|limit|pages)"
    r"|pymongo\.MongoClient\.(?:\w+\.)*find(?:\.(?:sort|skip|limit|batch_size))*"
    r"|redis\.(?!asyncio)(?:\w+\.)*lock"
)


def waits(name: str) -> bool:
    """Whether a library's name is that of a client's method that waits for an answer."""
    if not name.startswith(_TOPS) or "Async" in name:
        return False
    place = name.find(".")
    while place > 0:
        tail = _WAITING.get(name[:place])
        if tail is not None and tail.fullmatch(name, place + 1):
            return True
        place = name.find(".", place + 1)
    return False


def is_lazy(name: str) -> bool:
    """Whether a method asks for nothing before what it gives back is gone through, or entered."""
    return name.startswith(("boto3.", "pymongo.", "redis.")) and _LAZY.fullmatch(name) is not None
