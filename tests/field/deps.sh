# SPDX-License-Identifier: ISC
# field: chroot 60
# Packages that make deps has brought for tests do not serve at the next boot,
# and the units that this distribution's systemd enables are as they were.
failed=0

enabled()
{
	find /etc/systemd/system /etc/rc[2-5].d/S* -type l -name "*$1*" \
	    2>/dev/null | grep .
}

for name in nginx opentracker apache2; do
	if enabled $name; then
		echo "FAILED: $name starts at the next boot"
		failed=1
	fi
done
command -v nginx && command -v opentracker || failed=1
if ! enabled getty@; then
	echo "FAILED: getty does not"
	failed=1
fi
if [ -e /usr/sbin/policy-rc.d ]; then
	echo "FAILED: nothing can ever be started"
	failed=1
fi
exit $failed
