"""allauth's pages for second factors, scoped as ours are and asked for a fresh proof where they change something."""

from __future__ import annotations

import json
from typing import Any, cast

from allauth.mfa.base import views as base
from allauth.mfa.recovery_codes import views as codes
from allauth.mfa.totp import views as totp
from allauth.mfa.webauthn import views as webauthn
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse

from merestone.app import sign_in
from merestone.web.scoping import View, public, scoped
from merestone.web.signin.adapters import FactorAdapter
from merestone.web.signin.recent import needs_recent
from merestone.web.signin.visit import visit_of

LAST = "Your company asks for a second factor: add another one before you remove the last."


class Options:
    """Hands a page what the browser is to ask the key, as one text for an attribute."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)  # type: ignore[misc]
        if "js_data" in context:
            context["options"] = json.dumps(next(iter(context["js_data"].values())))
        return context


class Unprocessable:
    """Answers 422 when a form comes back, as our own forms do."""

    def form_invalid(self, form: Any) -> HttpResponse:
        response: HttpResponse = super().form_invalid(form)  # type: ignore[misc]
        response.status_code = 422 if response.status_code == 200 else response.status_code
        return response


class Authenticate(Options, Unprocessable, base.AuthenticateView):
    """The second step of signing in."""


class Passkey(webauthn.LoginWebAuthnView):
    """Signing in by a passkey alone; not there when single sign-on has replaced all else."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if settings.SINGLE_SIGN_ON is not None and settings.SINGLE_SIGN_ON.only:
            raise Http404
        return cast(HttpResponseBase, super().dispatch(request, *args, **kwargs))

    def form_invalid(self, form: Any) -> HttpResponse:  # noqa: ARG002
        services = self.request.services
        sign_in.note(services, sign_in.VISITOR, "refused", detail="passkey", visit=visit_of(self.request))
        messages.error(self.request, "The passkey was not accepted.")
        return redirect("sign-in")


class AddKey(Options, Unprocessable, webauthn.AddWebAuthnView):
    """A new key or passkey."""


class ConfirmByKey(Options, webauthn.ReauthenticateWebAuthnView):
    """A fresh proof by key."""

    def form_invalid(self, form: Any) -> HttpResponse:  # noqa: ARG002
        messages.error(self.request, "The key was not accepted.")
        return redirect(self.request.get_full_path())


class ConfirmByCode(Unprocessable, base.ReauthenticateView):
    """A fresh proof by code."""


class AddApp(Unprocessable, totp.ActivateTOTPView):
    """A new authenticator app."""


class RemoveKey(webauthn.RemoveWebAuthnView):
    """A key that goes, unless it must stay."""

    def form_valid(self, form: Any) -> HttpResponse:
        if not FactorAdapter().can_delete_authenticator(self.get_object()):
            messages.error(self.request, LAST)
            return redirect("security")
        return super().form_valid(form)

    def get_success_url(self) -> str:
        return reverse("security")


class RenameKey(webauthn.EditWebAuthnView):
    """A key's name."""

    def get_success_url(self) -> str:
        return reverse("security")


class RemoveApp(totp.DeactivateTOTPView):
    """An authenticator app that goes, unless it must stay."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        allowed = FactorAdapter().can_delete_authenticator(self.authenticator)
        return {**super().get_context_data(**kwargs), "reason": "" if allowed else LAST}


def own(view: View, *, is_sensitive: bool = True) -> View:
    """Return a view of one's own sign-in."""
    return scoped("own")(needs_recent(view) if is_sensitive else view)


CRUMBS = {"crumbs": [("Sign-in and security", "/profile/security/")]}

authenticate = public(Authenticate.as_view(extra_context={"title": "Second step"}))
passkey = public(Passkey.as_view())
confirm_by_code = own(ConfirmByCode.as_view(extra_context={"title": "Is it you?"}), is_sensitive=False)
confirm_by_key = own(ConfirmByKey.as_view(extra_context={"title": "Is it you?"}), is_sensitive=False)
add_app = own(AddApp.as_view(extra_context={"title": "Set up an authenticator app", **CRUMBS}))
remove_app = own(RemoveApp.as_view(extra_context={"title": "Remove the authenticator app", **CRUMBS}))
add_key = own(AddKey.as_view(extra_context={"title": "Add a passkey or security key", **CRUMBS}))
remove_key = own(RemoveKey.as_view(extra_context={"title": "Remove a key", **CRUMBS}))
rename_key = own(RenameKey.as_view(extra_context={"title": "Rename a key", **CRUMBS}))
recovery_codes = own(codes.ViewRecoveryCodesView.as_view(extra_context={"title": "Recovery codes", **CRUMBS}))
new_codes = own(
    codes.GenerateRecoveryCodesView.as_view(extra_context={"title": "New recovery codes", **CRUMBS})
)
