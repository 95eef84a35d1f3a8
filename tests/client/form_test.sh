#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
# The page for people in a browser: "make deps WHAT=browser" gets one; without
# it the cases are skipped.

. "${0%/*}/../lib/lib.sh"

# drive FUNCTION: with a browser.
drive()
{
	browser=$(command -v chromium || command -v chromium-browser) ||
	    atf_skip "no Chromium; run as root: make deps WHAT=browser"
	service_start "access-log $here/access"
	python "$1" "$browser" "$url"
}

service_case hostile \
    "The form is sent by keys, and no path becomes a part of the page."
body hostile drive hostile
service_case looks "It fits a telephone, and is legible by day and by night."
body looks drive looks
