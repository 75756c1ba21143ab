"""The SMART app: launched by an EHR or by itself, it reads the chart again and shows the basis of an assessment.

Source of the rules: SMART App Launch 1.0 and 2.x, OAuth 2.0 (RFC 6749), PKCE (RFC 7636), issuer identification
(RFC 9207), OpenID Connect Core 1.0.
"""
