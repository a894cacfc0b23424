//! Networks of addresses: `10.0.0.0/8`, `fd00::/8`, or one address.

use std::net::IpAddr;

/// A network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Network {
    address: IpAddr,
    bits: u32,
}

impl Network {
    /// Reads a network. One with bits set beyond its length would match less than it seems to say.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (address, length) = text.split_once('/').map_or((text, None), |(ip, bits)| (ip, Some(bits)));
        let problem = || format!("{text:?} is no network; write 10.0.0.0/8, fd00::/8 or an address");
        let address: IpAddr = address.parse().ok().ok_or_else(problem)?;
        let all = if address.is_ipv4() { 32 } else { 128 };
        let bits: u32 = match length {
            Some(length) => length.parse().ok().filter(|bits| *bits <= all).ok_or_else(problem)?,
            None => all,
        };
        let (address, bits) = match (address.to_canonical(), bits.checked_sub(96)) {
            (mapped @ IpAddr::V4(_), Some(bits)) if address.is_ipv6() => (mapped, bits),
            (IpAddr::V4(_), None) if address.is_ipv6() => return Err(problem()),
            (IpAddr::V4(_) | IpAddr::V6(_), _) => (address, bits),
        };
        let network = Self { address, bits };
        match number(address) == network.first_bits(address) {
            true => Ok(network),
            false => Err(format!("{text:?} has bits set beyond its first {bits}")),
        }
    }

    /// Whether an address is in it. IPv4 in IPv6 (`::ffff:10.0.0.1`) is IPv4.
    pub(crate) fn contains(self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.address.is_ipv4() && self.first_bits(address) == number(self.address)
    }

    fn first_bits(self, address: IpAddr) -> u128 {
        let all = if address.is_ipv4() { 32 } else { 128 };
        let rest = all - self.bits.min(all);
        number(address).checked_shr(rest).and_then(|bits| bits.checked_shl(rest)).unwrap_or_default()
    }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_bits()),
        IpAddr::V6(address) => address.to_bits(),
    }
}

#[cfg(test)]
mod tests {
    use super::Network;

    #[test]
    fn an_address_is_in_a_network_by_its_first_bits() {
        for (network, address, is_in) in [
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("10.0.0.1", "10.0.0.1", true),
            ("10.0.0.1", "10.0.0.2", false),
            ("0.0.0.0/0", "8.8.8.8", true),
            ("0.0.0.0/0", "::1", false),
            ("::/0", "fd00::1", true),
            ("::/0", "10.0.0.1", false),
            ("fd00::/8", "fdff::1", true),
            ("fd00::/8", "fe80::1", false),
            ("10.0.0.0/8", "::ffff:10.0.0.1", true),
            ("::ffff:10.0.0.0/104", "10.0.0.1", true),
            ("::ffff:10.0.0.0/104", "11.0.0.1", false),
            ("::ffff:10.0.0.1", "::ffff:10.0.0.1", true),
        ] {
            let parsed = Network::parse(network).unwrap();
            assert_eq!(parsed.contains(address.parse().unwrap()), is_in, "{network} {address}");
        }
    }

    #[test]
    fn what_is_no_network_or_says_less_than_it_seems_is_refused() {
        for text in [
            "",
            "10.0.0.0/33",
            "10.0.0.0/",
            "10.0.0/8",
            "fd00::/129",
            "10.0.0.0/-1",
            "::ffff:10.0.0.0/95",
            "host",
            "1.2.3.4/8/8",
        ] {
            assert!(Network::parse(text).unwrap_err().contains("is no network"), "{text}");
        }
        assert!(Network::parse("10.0.0.1/8").unwrap_err().contains("has bits set beyond its first 8"));
    }
}
