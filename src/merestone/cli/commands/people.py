"""merestone user · token."""

from __future__ import annotations

from typing import Annotated

import typer

from merestone.cli.context import Database, DataDir, Json, program
from merestone.cli.screen import say

app = typer.Typer()
user_app = typer.Typer(help="Users who sign in.", no_args_is_help=True)
token_app = typer.Typer(help="Keys for programs.", no_args_is_help=True)


@user_app.command("create", epilog="Example: merestone user create ana@example.com --role planner")
def create_user(
    ctx: typer.Context,
    email: Annotated[str, typer.Argument(help="E-mail to sign in with.")],
    role: Annotated[str, typer.Option(help="admin, planner, manager, rep or integration.")] = "rep",
    name: Annotated[str, typer.Option(help="Full name.")] = "",
    rep: Annotated[str | None, typer.Option(help="E-mail (or name) of the rep this user is.")] = None,
    password: Annotated[
        str,
        typer.Option(prompt=True, confirmation_prompt=True, hide_input=True, help="At least 10 characters."),
    ] = "",
    data_dir: DataDir = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Create a user."""
    from merestone.app import admin

    services = program(ctx).open(data_dir, database)
    user = admin.create_user(
        services, program(ctx).actor(None), email=email, role=role, name=name, password=password, rep=rep
    )
    say(user, as_json=as_json, title="User created")


@user_app.command("list", epilog="Example: merestone user list --json")
def list_users(
    ctx: typer.Context, data_dir: DataDir = None, database: Database = None, as_json: Json = False
) -> None:
    """List users."""

    services = program(ctx).open(data_dir, database)
    users = services.people.users()
    if as_json:
        say({"users": users}, as_json=True)
        return
    for user in users:
        say(user, as_json=False)


@user_app.command("deactivate", epilog="Example: merestone user deactivate ana@example.com")
def deactivate_user(
    ctx: typer.Context,
    email: Annotated[str, typer.Argument(help="E-mail of the user.")],
    data_dir: DataDir = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Take away a user's sign-in, sessions and tokens."""
    from merestone.app import admin

    services = program(ctx).open(data_dir, database)
    user_id = admin.user_by_email(services, email)["id"]
    say(admin.change_user(services, program(ctx).actor(None), user_id, is_active=False), as_json=as_json)


Url = Annotated[
    str, typer.Option("--url", help="Address of the server, as people open it.", metavar="https://…")
]


@user_app.command("reset-factors", epilog="Example: merestone user reset-factors ana@example.com")
def reset_factors(
    ctx: typer.Context,
    email: Annotated[str, typer.Argument(help="E-mail of the user.")],
    data_dir: DataDir = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Remove a user's second factors and end their sessions."""
    from merestone.app import admin, sign_in

    services = program(ctx).open(data_dir, database)
    user_id = admin.user_by_email(services, email)["id"]
    say(sign_in.reset_factors(services, program(ctx).actor(None), user_id), as_json=as_json)


@user_app.command("end-sessions", epilog="Example: merestone user end-sessions ana@example.com")
def end_sessions(
    ctx: typer.Context,
    email: Annotated[str, typer.Argument(help="E-mail of the user.")],
    data_dir: DataDir = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Sign a user out everywhere."""
    from merestone.app import admin, sign_in

    services = program(ctx).open(data_dir, database)
    user_id = admin.user_by_email(services, email)["id"]
    say(sign_in.end_sessions(services, program(ctx).actor(None), user_id), as_json=as_json)


@user_app.command(
    "password-link",
    epilog="Example: merestone user password-link ana@example.com --url https://sales.example.com",
)
def password_link(
    ctx: typer.Context,
    email: Annotated[str, typer.Argument(help="E-mail of the user.")],
    url: Url = "http://localhost:8000",
    data_dir: DataDir = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Make a link with which a user sets a new password, once, within a day."""
    from merestone.app import admin, sign_in

    services = program(ctx).open(data_dir, database)
    user_id = admin.user_by_email(services, email)["id"]
    key = sign_in.password_key(services, program(ctx).actor(None), user_id)
    say({"link": f"{url.rstrip('/')}/sign-in/new-password/{key}/"}, as_json=as_json)


@user_app.command(
    "sign-in-link",
    epilog="Example: merestone user sign-in-link ada@example.com --url https://sales.example.com",
)
def sign_in_link(
    ctx: typer.Context,
    email: Annotated[str, typer.Argument(help="E-mail of an administrator.")],
    url: Url = "http://localhost:8000",
    data_dir: DataDir = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Make a link that signs an administrator in, once, within ten minutes: the way in when single sign-on fails."""
    from merestone.app import admin, sign_in

    services = program(ctx).open(data_dir, database)
    user_id = admin.user_by_email(services, email)["id"]
    key = sign_in.door_key(services, program(ctx).actor(None), user_id)
    say({"link": f"{url.rstrip('/')}/sign-in/link/{key}/"}, as_json=as_json)


@user_app.command("require-factor", epilog="Example: merestone user require-factor admin planner")
def require_factor(
    ctx: typer.Context,
    roles: Annotated[
        list[str] | None, typer.Argument(help="Roles that need a second factor; none = nobody does.")
    ] = None,
    data_dir: DataDir = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Say of which roles a second factor is asked."""
    from merestone.app import sign_in

    services = program(ctx).open(data_dir, database)
    asked = sign_in.require_factors(services, program(ctx).actor(None), roles or [])
    say({"roles": asked if as_json else ", ".join(asked) or "none"}, as_json=as_json)


@token_app.command(
    "create", epilog="Example: merestone token create ana@example.com --name ci --scope see --days 90"
)
def create_token(
    ctx: typer.Context,
    email: Annotated[str, typer.Argument(help="User the token acts for.")],
    name: Annotated[str, typer.Option(help="What it is for.")],
    scope: Annotated[list[str] | None, typer.Option(help="Right it carries; repeat. Default: see.")] = None,
    days: Annotated[int, typer.Option(help="Days until it expires.", min=1, max=3650)] = 90,
    data_dir: DataDir = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Create an API token; it is shown once."""
    from merestone.app import admin

    services = program(ctx).open(data_dir, database)
    user_id = admin.user_by_email(services, email)["id"]
    token = admin.create_token(
        services, program(ctx).actor(None), user_id=user_id, name=name, scopes=scope or ["see"], days=days
    )
    say(token, as_json=as_json, title="Keep this token: it is not shown again")


@token_app.command("revoke", epilog="Example: merestone token revoke mst_ab12cd34")
def revoke_token(
    ctx: typer.Context,
    prefix: Annotated[str, typer.Argument(help="The token's first characters, as listed.")],
    data_dir: DataDir = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Revoke a token at once."""
    from merestone.app import admin

    services = program(ctx).open(data_dir, database)
    say(admin.revoke_token(services, program(ctx).actor(None), prefix=prefix), as_json=as_json)
