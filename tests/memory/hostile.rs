//! What is hardest on a limit, each on data of sixteen times as much: what the order of all values decides, what C order decides in
//! chunks, statistics over several chunked axes, groups by labels and masks. Held against plain loops over the values.

use super::*;

/// Of x.
const LIMIT_BYTES: u64 = X_BYTES / 16;
/// x as maps [256, 256] of so many days, in C order.
const DAYS: usize = 512;
const MAP: usize = 256;

#[rustfmt::skip]
pub fn rows() -> Vec<Row> {
    let n = ROWS * COLUMNS;
    let sources = vec![
        row("make tiles", store("x", &["x=x.npy"], "tiles.zarr", &["--codec", "zstd:1", "--chunks", "256,512"]), like_x(|| each(ROWS, COLUMNS, x))),
        row("make days", store("x.reshape(512, 256, 256)", &["x=x.npy"], "days.zarr", &["--codec", "zstd:1", "--chunks", "1,256,256"]),
            Expected::Stored(vec![DAYS as u64, MAP as u64, MAP as u64], || each(ROWS, COLUMNS, x))),
        row("make zones", store("(arange(4096)[:, None] // 512) * 8 + arange(8192) // 1024", &[], "zones.zarr", &["--codec", "zstd:1", "--chunks", "200,1000"]),
            like_x(|| each(ROWS, COLUMNS, |i, j| (i / 512 * 8 + j / 1024) as f64))),
    ];
    let hostile = [
        row("16 x: ravel of a chunked image", store("x.ravel()", &["x=tiles.zarr"], "raveled.npy", &[]),
            Expected::Stored(vec![n as u64], || each(ROWS, COLUMNS, x))),
        row("16 x: reshape across chunks", store("x.reshape(16384, 2048)", &["x=tiles.zarr"], "reshaped.zarr", &["--codec", "zstd:1", "--chunks", "200,500"]),
            Expected::Stored(vec![16384, 2048], || each(ROWS, COLUMNS, x))).spills(),
        row("16 x: unique", eval("v, k = unique(x, return_counts=True); v.sum(), k.sum(), k.max()", &["x=tiles.zarr"]),
            Expected::Computed(|| {
                let counts = histogram();
                let (all, most) = (counts.iter().sum::<u64>(), counts.iter().max().expect("values"));
                vec![values().map(|v| v as f64).sum(), all as f64, *most as f64]
            })).spills(),
        row("16 x: argsort", eval("x = x[:2048]; (argsort(x, axis=None) * (arange(16777216) % 1009)).sum()", &["x=tiles.zarr"]),
            Expected::Computed(|| vec![places_in_order(1009)])).spills().under(LIMIT_BYTES / 2),
        row("16 x: masked percentiles", eval("p = percentile(x[x > 700], [5, 50, 99]); p[0], p[1], p[2], ma.median(ma.masked_greater(x, 700))", &["x=tiles.zarr"]),
            Expected::Computed(|| {
                let above = |q| quantile_of_counts(&histogram(), 701..1500, q);
                vec![above(0.05), above(0.5), above(0.99), quantile_of_counts(&histogram(), 0..701, 0.5)]
            })),
        row("16 x: zonal statistics", eval("m = groupby_reduce(x, z, func='mean', num_groups=64); (m * arange(64)).sum(), groupby_reduce(x, z, func='max', num_groups=64).sum()", &["x=tiles.zarr", "z=zones.zarr"]),
            Expected::Computed(zonal)),
        row("16 x: median over time", eval("(median(d, axis=0).ravel() * (arange(65536) % 7)).sum()", &["d=days.zarr"]), Expected::Computed(|| vec![medians_over_time()])).spills(),
        row("16 x: quantiles over chunked axes", eval("q = quantile(d, [0.1, 0.9], axis=(0, 2)); q[0].sum(), q[1].sum()", &["d=days.zarr"]),
            Expected::Computed(|| [0.1, 0.9].map(quantiles_of_rows).to_vec())).spills(),
        row("16 x: moving means, resampled", Job::Api(windows), Expected::Computed(|| {
            let by_row = |centre: usize| mean((centre.saturating_sub(30)..ROWS.min(centre + 31)).map(f));
            vec![(0..ROWS).map(by_row).fold(0.0, f64::max) + 499.0, 32.0 * COLUMNS as f64 * (mean(fs()) + mean(gs()))]
        })),
    ];
    sources.into_iter().chain(hostile.into_iter().map(|row| {
        let least = row.limit_bytes.min(LIMIT_BYTES);
        row.under(least)
    })).collect()
}

/// The sum over all places in order, of half of x, of where the value stood times the place modulo `modulus`, of equal values the first one first.
fn places_in_order(modulus: u64) -> f64 {
    let half = || (0..ROWS * COLUMNS / 2).map(|at| (at, x(at / COLUMNS, at % COLUMNS) as usize));
    let mut next = vec![0; 1500];
    half().for_each(|(_, value)| next[value] += 1);
    let mut start = 0;
    next.iter_mut().for_each(|n| (*n, start) = (start, start + *n));
    let mut sum = 0u128;
    for (at, value) in half() {
        let place: &mut u64 = &mut next[value];
        sum += at as u128 * u128::from(*place % modulus);
        *place += 1;
    }
    sum as f64
}

/// Between the nearest two of so many values of each number that lie in `of`, linearly.
fn quantile_of_counts(counts: &[u64], of: std::ops::Range<usize>, q: f64) -> f64 {
    let total: u64 = counts[of.clone()].iter().sum();
    let place = q * (total - 1) as f64;
    let at = |rank: u64| {
        let mut below = 0;
        let found = of.clone().find(|&v| {
            below += counts[v];
            below > rank
        });
        found.expect("a rank below the number of values") as f64
    };
    let (low, high) = (at(place as u64), at(place.ceil() as u64));
    low + (high - low) * place.fract()
}

/// The means times the numbers of the zones, and the maxima.
fn zonal() -> Vec<f64> {
    let zones = (0..64usize).map(|zone| {
        let (rows, columns) = ((0..512).map(move |i| f(zone / 8 * 512 + i)), (0..1024).map(move |j| g(zone % 8 * 1024 + j)));
        let most = |values: &mut dyn Iterator<Item = f64>| values.fold(0.0, f64::max);
        let (mean, most) = (mean(rows.clone()) + mean(columns.clone()), most(&mut rows.clone()) + most(&mut columns.clone()));
        (zone as f64 * mean, most)
    });
    let (means, maxima): (Vec<f64>, Vec<f64>) = zones.unzip();
    vec![means.iter().sum(), maxima.iter().sum()]
}

fn day(day: usize, at: usize) -> f64 {
    let at = day * MAP * MAP + at;
    x(at / COLUMNS, at % COLUMNS)
}

fn medians_over_time() -> f64 {
    let median = |at: usize| {
        let mut days: Vec<f64> = (0..DAYS).map(|t| day(t, at)).collect();
        days.sort_unstable_by(f64::total_cmp);
        (days[DAYS / 2 - 1] + days[DAYS / 2]) / 2.0
    };
    (0..MAP * MAP).filter(|at| at % 7 > 0).map(|at| median(at) * (at % 7) as f64).sum()
}

/// The sum over the rows of the map of the quantiles over days and columns.
fn quantiles_of_rows(q: f64) -> f64 {
    let of_row = |row: usize| {
        let mut counts = vec![0; 1500];
        (0..DAYS).for_each(|t| (0..MAP).for_each(|column| counts[day(t, row * MAP + column) as usize] += 1));
        quantile_of_counts(&counts, 0..1500, q)
    };
    (0..MAP).map(of_row).sum()
}

fn windows(rt: &Runtime, dir: &Path) -> flagstone::Result<Vec<f64>> {
    let x = open(dir.join("tiles.zarr"))?;
    let rows = flagstone::arange(0, ROWS as i64, 1, None);
    let edges = flagstone::arange(0, ROWS as i64 + 1, 128, None);
    let moving = x.rolling(61, 0).centered().min_count(1).mean().max(..);
    let resampled = x.resample(&rows, &edges, 0).mean().sum(..);
    let (moving, resampled) = rt.compute_many((&moving, &resampled))?;
    Ok([moving, resampled].iter().flat_map(|any| any.scalars()).map(|s| s.as_f64()).collect())
}
