//! Logarithm, exponential and the normal distribution's inverse, equal to the last bit on every machine.
//!
//! Parameter sets are hashed, and the functions of the systems' libraries differ in their last bits. These use
//! additions, multiplications, divisions and square roots alone, which IEEE 754 rounds in one way. They are within two
//! units of the last place of the true values, and what they give never changes.

/// The natural logarithm of 2 in two parts: products of the first with a binary exponent are exact.
const LN_2_HIGH: f64 = f64::from_bits(0x3fe6_2e42_fee0_0000);
const LN_2_LOW: f64 = f64::from_bits(0x3dea_39ef_3579_3c76);

/// The natural logarithm of a positive finite number.
pub(super) fn ln(x: f64) -> f64 {
    let (x, shift) = if x < f64::MIN_POSITIVE { (x * (1_u64 << 54) as f64, 54) } else { (x, 0) };
    let bits = x.to_bits();
    let mut exponent = (bits >> 52) as i32 - 1023 - shift;
    let mut mantissa = f64::from_bits(bits & (u64::MAX >> 12) | 1023 << 52);
    if mantissa > std::f64::consts::SQRT_2 {
        mantissa *= 0.5;
        exponent += 1;
    }
    // ln(1 + f) = 2 artanh(s) with s = f / (2 + f), at most 0.172.
    let f = mantissa - 1.0;
    let s = f / (2.0 + f);
    let square = s * s;
    let mut rest = 2.0 / 23.0;
    for odd in [21.0, 19.0, 17.0, 15.0, 13.0, 11.0, 9.0, 7.0, 5.0, 3.0] {
        rest = rest * square + 2.0 / odd;
    }
    let exponent = f64::from(exponent);
    exponent * LN_2_HIGH + (f - (s * (f - rest * square) - exponent * LN_2_LOW))
}

/// The exponential of a finite number; infinite where that is beyond all doubles.
pub(super) fn exp(x: f64) -> f64 {
    if x > 709.8 {
        return f64::INFINITY;
    }
    if x < -745.2 {
        return 0.0;
    }
    let exponent = (x * std::f64::consts::LOG2_E).round();
    let r = (x - exponent * LN_2_HIGH) - exponent * LN_2_LOW;
    // Taylor's series; |r| is at most 0.35.
    let mut sum = 1.0;
    for n in (1..=14).rev() {
        sum = 1.0 + sum * r / f64::from(n);
    }
    let exponent = exponent as i32;
    let half = exponent / 2;
    sum * power_of_two(half) * power_of_two(exponent - half)
}

fn power_of_two(exponent: i32) -> f64 {
    f64::from_bits(((exponent + 1023) as u64) << 52)
}

/// The number below which a standard normal variable lies with probability `p`, from 0 to 1 (both excluded).
///
/// Algorithm AS 241 (PPND16) of M. J. Wichura, Applied Statistics 37, 477-484 (1988).
pub(super) fn normal_quantile(p: f64) -> f64 {
    let q = p - 0.5;
    if q.abs() <= 0.425 {
        let r = 0.180_625 - q * q;
        return q * polynomial(r, &CENTRE.0) / polynomial(r, &CENTRE.1);
    }
    let r = (-ln(if q < 0.0 { p } else { 1.0 - p })).sqrt();
    let tail = if r <= 5.0 {
        polynomial(r - 1.6, &TAIL.0) / polynomial(r - 1.6, &TAIL.1)
    } else {
        polynomial(r - 5.0, &FAR.0) / polynomial(r - 5.0, &FAR.1)
    };
    if q < 0.0 { -tail } else { tail }
}

fn polynomial(x: f64, coefficients: &[f64; 8]) -> f64 {
    coefficients.iter().rev().fold(0.0, |sum, coefficient| sum * x + coefficient)
}

type Ratio = ([f64; 8], [f64; 8]);

#[expect(clippy::excessive_precision, reason = "as published")]
const CENTRE: Ratio = (
    [
        3.387_132_872_796_366_608_0,
        1.331_416_678_917_843_774_5e2,
        1.971_590_950_306_551_442_7e3,
        1.373_169_376_550_946_112_5e4,
        4.592_195_393_154_987_145_7e4,
        6.726_577_092_700_870_085_3e4,
        3.343_057_558_358_812_810_5e4,
        2.509_080_928_730_122_672_7e3,
    ],
    [
        1.0,
        4.231_333_070_160_091_125_2e1,
        6.871_870_074_920_579_083_0e2,
        5.394_196_021_424_751_107_7e3,
        2.121_379_430_158_659_586_7e4,
        3.930_789_580_009_271_061_0e4,
        2.872_908_573_572_194_267_4e4,
        5.226_495_278_852_854_561_0e3,
    ],
);

#[expect(clippy::excessive_precision, reason = "as published")]
const TAIL: Ratio = (
    [
        1.423_437_110_749_683_577_34,
        4.630_337_846_156_545_295_90,
        5.769_497_221_460_691_405_50,
        3.647_848_324_763_204_605_04,
        1.270_458_252_452_368_382_58,
        2.417_807_251_774_506_117_70e-1,
        2.272_384_498_926_918_458_33e-2,
        7.745_450_142_783_414_076_40e-4,
    ],
    [
        1.0,
        2.053_191_626_637_758_821_87,
        1.676_384_830_183_803_849_40,
        6.897_673_349_851_000_045_50e-1,
        1.481_039_764_274_800_745_90e-1,
        1.519_866_656_361_645_719_66e-2,
        5.475_938_084_995_344_946_00e-4,
        1.050_750_071_644_416_843_24e-9,
    ],
);

#[expect(clippy::excessive_precision, reason = "as published")]
const FAR: Ratio = (
    [
        6.657_904_643_501_103_777_20,
        5.463_784_911_164_114_369_90,
        1.784_826_539_917_291_335_80,
        2.965_605_718_285_048_912_30e-1,
        2.653_218_952_657_612_309_30e-2,
        1.242_660_947_388_078_438_60e-3,
        2.711_555_568_743_487_578_15e-5,
        2.010_334_399_292_288_132_65e-7,
    ],
    [
        1.0,
        5.998_322_065_558_879_376_90e-1,
        1.369_298_809_227_358_053_10e-1,
        1.487_536_129_085_061_485_25e-2,
        7.868_691_311_456_132_591_00e-4,
        1.846_318_317_510_054_681_80e-5,
        1.421_511_758_316_445_888_70e-7,
        2.044_263_103_389_939_785_64e-15,
    ],
);

#[cfg(test)]
mod tests {
    use super::*;

    fn close(ours: f64, theirs: f64, units: f64) -> bool {
        (ours - theirs).abs() <= units * f64::EPSILON * theirs.abs().max(f64::MIN_POSITIVE)
    }

    #[test]
    fn logarithm_and_exponential_are_those_of_the_library() {
        let mut x = 1e-310;
        while x < 1e300 {
            assert!(close(ln(x), x.ln(), 2.0), "ln {x}: {} {}", ln(x), x.ln());
            x *= 1.37;
        }
        for near in [-1e-3, -1e-9, 1e-12, 1e-4, 0.3] {
            let x: f64 = 1.0 + near;
            assert!(close(ln(x), x.ln(), 2.0), "ln {x}");
        }
        assert_eq!((ln(1.0), exp(0.0)), (0.0, 1.0));
        let mut x = -700.0;
        while x < 709.0 {
            assert!(close(exp(x), x.exp(), 3.0), "exp {x}: {} {}", exp(x), x.exp());
            x += 0.317;
        }
        assert_eq!((exp(710.0), exp(-800.0)), (f64::INFINITY, 0.0));
        assert!(exp(-744.0) > 0.0);
    }

    #[test]
    fn quantiles_are_the_published_ones() {
        for (p, expected) in [
            (0.5, 0.0),
            (0.25, -0.674_489_750_196_081_7),
            (0.001, -3.090_232_306_167_813_5),
            (1e-20, -9.262_340_089_798_407),
            (0.975, 1.959_963_984_540_054),
            (0.841_344_746_068_542_9, 1.0),
            (1e-10, -6.361_340_902_404_056),
        ] {
            assert!((normal_quantile(p) - expected).abs() < 1e-14 * expected.abs().max(1.0), "{p}");
        }
    }
}
