//! What else can outgrow the limit, on data of four times as much at least: a row of the table a function, whose answer is known.

use super::*;
use flagstone::array::Halo;

#[rustfmt::skip]
pub fn rows() -> Vec<Row> {
    let (n, of_f, of_g) = ((ROWS * COLUMNS) as f64, fs().sum::<f64>(), gs().sum::<f64>());
    let all = of_f * COLUMNS as f64 + of_g * ROWS as f64;
    let (most_f, most_g) = (999.0, 499.0);
    vec![
        row("make order", store("(arange(4096) * 1021 + 5) % 4096", &[], "order.npy", &[]), Expected::Stored(vec![ROWS as u64], || each(ROWS, 1, |i, _| order(i) as f64))),
        row("running sums", eval("cumsum(x, axis=0).max(), cumsum(x, axis=1).max(), cumsum(x).max()", &["x=x.h5:/x"]),
            Expected::Values(vec![of_f + most_g * ROWS as f64, of_g + most_f * COLUMNS as f64, all])),
        row("histogram of two", eval("h = histogram2d(x.ravel(), x.ravel() % 7, bins=[[0, 500, 1500], [0, 4, 7]])[0]; h[0, 0], h[0, 1], h[1, 0], h[1, 1]", &["x=x.h5:/x"]),
            Expected::Computed(|| {
                let count = |of: fn(usize) -> bool| histogram().iter().enumerate().filter(|(v, _)| of(*v)).map(|(_, n)| *n as f64).sum();
                vec![count(|v| v < 500 && v % 7 < 4), count(|v| v < 500 && v % 7 >= 4), count(|v| v >= 500 && v % 7 < 4), count(|v| v >= 500 && v % 7 >= 4)]
            })),
        row("bins that are counted", eval("bincount(x.astype('i8').ravel()).sum(), histogram(x, 'sturges')[0].sum(), choose(x.astype('i8') % 3, [x, -x, 0 * x]).sum()", &["x=x.h5:/x"]),
            Expected::Computed(|| {
                let sign = |v: usize| [1.0, -1.0, 0.0][v % 3];
                let chosen = histogram().iter().enumerate().map(|(v, count)| sign(v) * v as f64 * *count as f64).sum();
                vec![(ROWS * COLUMNS) as f64, (ROWS * COLUMNS) as f64, chosen]
            })),
        row("rows in a stored order", store("x[j]", &["x=x.h5:/x", "j=order.npy"], "ordered.npy", &[]), like_x(|| each(ROWS, COLUMNS, |i, j| x(order(i), j)))),
        row("sorted sets", eval("sort(unique(x)).sum(), intersect1d(x[:2048], x[2048:]).sum()", &["x=x.h5:/x"]), {
            // any thousand rows hold all that f takes
            let all = values().map(|v| v as f64).sum();
            Expected::Values(vec![all, all])
        }).spills(),
        row("argwhere", eval("w = argwhere(x > 900); w[:, 0].sum(), w[:, 1].sum()", &["x=x.h5:/x"]),
            Expected::Computed(|| {
                let above = || (0..ROWS * COLUMNS).map(|k| (k / COLUMNS, k % COLUMNS)).filter(|&(i, j)| x(i, j) > 900.0);
                vec![above().map(|at| at.0 as f64).sum(), above().map(|at| at.1 as f64).sum()]
            })),
        row("permutation", eval("p = random.permutation(33554432, seed=3); p.sum(), p.max(), 1.0 * (abs((p[1:] > p[:-1]).sum() / 16777216 - 1) < 0.01)", &[]),
            Expected::Values(vec![n * (n - 1.0) / 2.0, n - 1.0, 1.0])).spills(),
        row("interp, searchsorted", eval("interp(x, [0, 750, 1500], [0, 1500, 3000]).sum(), searchsorted([500.5, 900.5], x).sum()", &["x=z.h5:/x"]),
            Expected::Values(vec![2.0 * all, (histogram()[501..].iter().sum::<u64>() + histogram()[901..].iter().sum::<u64>()) as f64])),
        row("gradient", eval("gradient(x, axis=0).sum(), gradient(x, axis=1).max()", &["x=x.h5:/x"]),
            Expected::Computed(|| {
                let along = |of: fn(usize) -> f64, n: usize| (0..n).map(move |i| match i {
                    0 => of(1) - of(0),
                    _ if i == n - 1 => of(i) - of(i - 1),
                    _ => (of(i + 1) - of(i - 1)) / 2.0,
                });
                vec![COLUMNS as f64 * along(f, ROWS).sum::<f64>(), along(g, COLUMNS).fold(f64::MIN, f64::max)]
            })),
        row("groups of rows, anomalies", eval("m = arange(4096) % 12; g = groupby_reduce(x, m, func='mean', num_groups=12); g.sum(), abs(groupby_reduce(x - g[m], m, func='mean', num_groups=12)).max(), groupby_reduce(x, m, func='median', num_groups=12)[:, 0].sum()", &["x=rows.zarr"]),
            Expected::Near({
                let month = |m: usize| (0..ROWS).filter(move |i| i % 12 == m).map(f).collect::<Vec<f64>>();
                let means: f64 = (0..12).map(|m| mean(month(m).into_iter())).sum();
                let medians = (0..12).map(|m| {
                    let mut values = month(m);
                    values.sort_by(f64::total_cmp);
                    (values[(values.len() - 1) / 2] + values[values.len() / 2]) / 2.0 + g(0)
                });
                vec![COLUMNS as f64 * means + 12.0 * of_g, 0.0, medians.sum()]
            }, 1e-5)),
        row("masked means", eval("m = ma.masked_greater(x, 900); m.mean(), m.count(), m.sum(axis=0).sum(), m.filled(-1).min()", &["x=x.h5:/x"]),
            Expected::Computed(|| {
                let below = |weight: fn(usize) -> f64| histogram()[..901].iter().enumerate().map(|(v, n)| weight(v) * *n as f64).sum::<f64>();
                let (sum, count) = (below(|v| v as f64), below(|_| 1.0));
                vec![sum / count, count, sum, -1.0]
            })),
        row("values put along lanes", eval("put_along_axis(x, argmax(x, axis=1, keepdims=True), 0, 1).sum()", &["x=rows.zarr"]), Expected::Values(vec![all - of_f - most_g * ROWS as f64])),
        row("places in a long table", eval("searchsorted(sort(x.ravel()), x[:64]).sum(), isin(x[:1024], x[1024:].ravel() * 2).sum(), setdiff1d(x, x[:2048] * 2).sum()", &["x=x.h5:/x"]),
            Expected::Computed(|| {
                let counts = histogram();
                let below: Vec<u64> = counts.iter().scan(0, |sum, n| Some(std::mem::replace(sum, *sum + n))).collect();
                let found = (0..64 * COLUMNS).map(|k| below[x(k / COLUMNS, k % COLUMNS) as usize] as f64).sum();
                let mut doubled = vec![false; 3000];
                (1024 * COLUMNS..ROWS * COLUMNS).for_each(|k| doubled[2 * x(k / COLUMNS, k % COLUMNS) as usize] = true);
                let held = (0..1024 * COLUMNS).filter(|k| doubled[x(k / COLUMNS, k % COLUMNS) as usize]).count() as f64;
                doubled.fill(false);
                (0..2048 * COLUMNS).for_each(|k| doubled[2 * x(k / COLUMNS, k % COLUMNS) as usize] = true);
                vec![found, held, values().filter(|&v| !doubled[v]).map(|v| v as f64).sum()]
            })).spills(),
        row("taken in any order", eval("t = take(x.ravel(), (arange(4194304) * 104729 + 7) % 33554432); t.sum(), t[:1000].sum(), t[-1000:].sum()", &["x=x.h5:/x"]),
            Expected::Computed(|| {
                let n = 1 << 22;
                let part = |ks: std::ops::Range<usize>| ks.map(|k| (k * 104_729 + 7) % (ROWS * COLUMNS)).map(|k| x(k / COLUMNS, k % COLUMNS)).sum::<f64>();
                vec![part(0..n), part(0..1000), part(n - 1000..n)]
            })),
        row("the top", eval("topk(x, 3).sum(), topk(x.ravel(), -3).sum(), topk(x, 3, axis=0).sum(), argtopk(x.ravel() * 1e5 + arange(33554432) % 4096, 1)[0] % 4096, partition(x, 100, axis=0)[:101].sum(), (partition(x, 5, axis=1)[:, 5] - x[:, 0]).min()", &["x=x.h5:/x"]),
            Expected::Computed(top)),
        row("order by two keys", eval("r = x[:1024].ravel(); o = lexsort([r, r % 7]); y = take(r, o); (diff(y % 7) < 0).sum(), ((diff(y) < 0) & (diff(y % 7) == 0)).sum(), y.sum(), o.sum()", &["x=x.h5:/x"]),
            Expected::Values({
                let k = (1024 * COLUMNS) as f64;
                vec![0.0, 0.0, (0..1024).map(f).sum::<f64>() * COLUMNS as f64 + of_g * 1024.0, k * (k - 1.0) / 2.0]
            })).spills().under(16 * MIB),
        row("inserted, deleted", eval("insert(x, 5, 1, axis=0).sum(), delete(x, [1, 5, 9], axis=1).sum(), append(x, x[:1] + 1, axis=0).sum()", &["x=x.h5:/x"]),
            Expected::Values(vec![
                all + COLUMNS as f64,
                all - [1, 5, 9].iter().map(|&j| of_f + g(j) * ROWS as f64).sum::<f64>(),
                all + of_g + (f(0) + 1.0) * COLUMNS as f64,
            ])),
        row("lanes in their order", eval("y = take_along_axis(x, argsort(x, axis=1), axis=1); y.sum(), (y[:, 1:] < y[:, :-1]).sum(), y[:, 0].sum()", &["x=x.h5:/x"]),
            Expected::Values(vec![all, 0.0, of_f])),
        row("unique, counted", eval("v, k = unique(x, return_counts=True); (v * k).sum(), k.sum()", &["x=x.h5:/x"]), Expected::Values(vec![all, n])).spills(),
        row("map_overlap", Job::Api(overlap), Expected::Values(vec![(0..ROWS).map(|i| f(i) - f(i.saturating_sub(1))).fold(0.0, f64::max)])),
        row("apply_along_axis", Job::Api(along), Expected::Values(vec![
            (COLUMNS as f64 * fs().map(|f| f * f).sum::<f64>()) + 2.0 * of_f * of_g + ROWS as f64 * gs().map(|g| g * g).sum::<f64>(),
        ])),
    ]
}

fn order(i: usize) -> usize {
    (i * 1021 + 5) % ROWS
}

/// The greatest difference from the row before, by blocks that see it.
fn overlap(rt: &Runtime, dir: &Path) -> flagstone::Result<Vec<f64>> {
    let x = open(dir.join("rows.zarr"))?;
    let differences = x.map_overlap(Halo::new(vec![[1, 0], [0, 0]]), |block: ndarray::ArrayViewD<'_, f64>| {
        let mut out = ndarray::ArrayD::<f64>::zeros(block.raw_dim());
        for (mut to, pair) in out.axis_iter_mut(ndarray::Axis(0)).skip(1).zip(block.axis_windows(ndarray::Axis(0), 2)) {
            to.assign(&(&pair.index_axis(ndarray::Axis(0), 1) - &pair.index_axis(ndarray::Axis(0), 0)));
        }
        out
    });
    Ok(vec![rt.item::<f64>(&differences.max(..))?])
}

/// The squares of all columns, summed.
fn along(rt: &Runtime, dir: &Path) -> flagstone::Result<Vec<f64>> {
    let x = open(format!("{}/x.h5:/x", dir.display()))?;
    let squares = x.apply_along_axis(0, [1], |lane: ndarray::ArrayView1<'_, f64>| {
        ndarray::arr1(&[lane.iter().map(|v| v * v).sum::<f64>()]).into_dyn()
    });
    Ok(vec![rt.item::<f64>(&squares.sum(..))?])
}

/// What the row "the top" asks, lane by lane.
fn top() -> Vec<f64> {
    let of = |mut values: Vec<f64>, n: usize| {
        values.sort_by(|a, b| b.total_cmp(a));
        values.truncate(n);
        values.into_iter().sum::<f64>()
    };
    let rows = fs().map(|f| of(gs().map(|g| f + g).collect(), 3)).sum();
    let columns = gs().map(|g| of(fs().map(|f| f + g).collect(), 3)).sum();
    let least = sorted().take(3).sum();
    let (_, last) = (0..ROWS * COLUMNS)
        .map(|k| (x(k / COLUMNS, k % COLUMNS) * 1e5 + (k % 4096) as f64, (k % 4096) as f64))
        .fold((f64::MIN, 0.0), |most, this| if this.0 > most.0 { this } else { most });
    let mut column: Vec<f64> = fs().collect();
    column.sort_by(f64::total_cmp);
    let least_rows = 101.0 * gs().sum::<f64>() + COLUMNS as f64 * column[..101].iter().sum::<f64>();
    let mut row: Vec<f64> = gs().collect();
    row.sort_by(f64::total_cmp);
    vec![rows, least, columns, last, least_rows, row[5] - g(0)]
}
