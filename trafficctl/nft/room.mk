# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
# nft: nf_tables by netlink. Sees lib, base and the ABI; the lowest room that knows libnftnl. What links lib
# links it: lib/backend.h has a table of its functions.
NFT_SEES := -Itrafficctl/include -Itrafficctl/nft -Itrafficctl/lib -Itrafficctl/base -Ibpf
$(eval $(call objects,NFT,$(wildcard trafficctl/nft/*.c),-fPIC $(NFT_SEES)))
NFT_LIBS := -lnftnl
