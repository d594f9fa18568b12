"""The routes of signing in. allauth finds its pages by name; those without a route here do not exist."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path, re_path

from merestone.web.signin import events, factors
from merestone.web.views import forgotten, security, session, single_sign_on, user_sign_in

events.listen()

urlpatterns: list[URLPattern | URLResolver] = [
    path("sign-in/", session.sign_in, name="sign-in"),
    path("sign-in/", session.sign_in, name="account_login"),
    path("sign-out/", session.sign_out, name="sign-out"),
    path("sign-out/", session.sign_out, name="account_logout"),
    path("sign-in/second-step/", factors.authenticate, name="mfa_authenticate"),
    path("sign-in/passkey/", factors.passkey, name="mfa_login_webauthn"),
    path("sign-in/single/", single_sign_on.start, name="sso-start"),
    path("sign-in/single/callback/", single_sign_on.callback, name="sso-callback"),
    path("sign-in/forgotten/", forgotten.forgotten, name="account_reset_password"),
    path("sign-in/forgotten/sent/", forgotten.sent, name="account_reset_password_done"),
    path("sign-in/new-password/done/", forgotten.done, name="account_reset_password_from_key_done"),
    re_path(
        r"^sign-in/new-password/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
        forgotten.new_password,
        name="account_reset_password_from_key",
    ),
    path("sign-in/link/<str:key>/", forgotten.door, name="door"),
    path("profile/security/", security.security, name="security"),
    path("profile/security/", security.security, name="mfa_index"),
    path("profile/security/password/", security.password, name="password"),
    path("profile/security/sessions/end/", security.end_sessions, name="sessions-end"),
    path("profile/security/sessions/<int:session_id>/end/", security.end_session, name="session-end"),
    path("profile/security/app/", factors.add_app, name="mfa_activate_totp"),
    path("profile/security/app/remove/", factors.remove_app, name="mfa_deactivate_totp"),
    path("profile/security/keys/add/", factors.add_key, name="mfa_add_webauthn"),
    path("profile/security/keys/<int:pk>/", factors.rename_key, name="mfa_edit_webauthn"),
    path("profile/security/keys/<int:pk>/remove/", factors.remove_key, name="mfa_remove_webauthn"),
    path("profile/security/codes/", factors.recovery_codes, name="mfa_view_recovery_codes"),
    path("profile/security/codes/new/", factors.new_codes, name="mfa_generate_recovery_codes"),
    path("profile/confirm/", security.confirm, name="account_reauthenticate"),
    path("profile/confirm/code/", factors.confirm_by_code, name="mfa_reauthenticate"),
    path("profile/confirm/key/", factors.confirm_by_key, name="mfa_reauthenticate_webauthn"),
    path("settings/sign-in/", user_sign_in.rules, name="sign-in-rules"),
    path("users/<int:record_id>/sign-in/", user_sign_in.user_sign_in, name="user-sign-in"),
    path("users/<int:record_id>/sign-in/factors/", user_sign_in.reset_factors, name="user-factors-reset"),
    path("users/<int:record_id>/sign-in/sessions/", user_sign_in.end_sessions, name="user-sessions-end"),
    path("users/<int:record_id>/sign-in/link/", user_sign_in.password_link, name="user-password-link"),
]
