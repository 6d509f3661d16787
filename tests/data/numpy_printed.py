"""Writes numpy_printed.json: how NumPy prints arrays and scalars, for the tests of src/array/format.rs.

Run with NumPy 2.4: python tests/data/numpy_printed.py > tests/data/numpy_printed.json
"""
import json
import numpy as np
rng=np.random.default_rng(1)
A=[]
def f64(x): A.append(("F64",np.array(x,dtype=np.float64)))
f64([[1,2.5],[-3,1/3]]); f64([1e-10,1]); f64([1e8,1]); f64([1,2,3]); f64([0.0,-0.0]); f64([np.nan,1]); f64([np.inf,-np.inf,np.nan]); f64([np.nan])
f64([1e300,-1e-300]); f64([0.1,1000.123456789]); f64([99.999999999,0.5]); f64([1e-4,0.01]); f64([123456.789,-0.001234567890123])
f64(np.arange(30)*1.5); f64(np.arange(60).reshape(3,20)/7); f64(np.zeros((2,0))); f64(np.arange(24).reshape(2,3,4)/3.); f64(-np.arange(12.).reshape(2,2,3)); f64([np.inf,1e20]); f64([np.nan,-1.5e-12,3])
f64([5e-324,1]); f64(np.linspace(0,1,11)); f64([12345678.9,12345678.1]); f64([-np.inf]); f64([-np.inf,1.25])
f64(np.arange(2000.)); f64(np.arange(10000.).reshape(100,100)); f64(np.arange(1200).reshape(2,600)/8); f64(np.arange(1440).reshape(8,9,20)); f64([1.123456789123,2.5e-3]); f64([2.675,0.000000125])
f64([9.9999999995e10]); f64([0.5]); f64(3.25)
def f32(x): A.append(("F32",np.array(x,dtype=np.float32)))
f32([0.1,1/3]); f32([1e-10,1]); f32([0.0001,0.05]); f32([1e6,1]); f32([999999,3]); f32([16777216,1]); f32([3.4e38,np.nan]); f32(rng.random(9)); f32(0.1)
f32([1.1754944e-38,0.1]); f32([-1e-12,0.33333334,2])
A.append(("F16",np.array([0.1,2.5,1000],dtype=np.float16))); A.append(("F16",np.array([65504,1e-7],dtype=np.float16))); A.append(("F16",np.array([1/3,0.2],dtype=np.float16)))
A.append(("I64",np.array([[1,-20],[300,4]]))); A.append(("U8",np.array([1,2,255],dtype=np.uint8))); A.append(("I64",np.arange(1001))); A.append(("I64",np.arange(300))); A.append(("I64",np.array([-2**63,2**63-1])))
A.append(("Bool",np.array([True,False]))); A.append(("Bool",np.array([[True],[False]])));A.append(("Bool",np.array(True)))
A.append(("C128",np.array([1+2j,-0.5j]))); A.append(("C128",np.array([1e10+1j,np.nan+2j]))); A.append(("C64",np.array([1/3+2j,complex(np.inf,-np.inf)],dtype=np.complex64))); A.append(("C128",np.array(1+2j))); A.append(("C128",np.array([[1.5-2j,3],[1e-5j,7]])))
scal=[(np.float64(x),"F64") for x in (0.5,1e-10,1e16,1e15,123456789012345680.0,1e-4,1e-5,np.nan,-np.inf,5e-324,0.1+0.2,100.0,-0.0)]+[(np.float32(x),"F32") for x in (0.1,999999,1e6,0.0001,1e8,1e16,3.4e38)]+[(np.float16(x),"F16") for x in (999,65504,0.1,0.0001,1e-7)]+[(np.complex128(x),"C128") for x in (1+2j,2j,1e16+1j,complex(np.nan,2),complex(-0.0,1),complex(1,-0.0),1e-5-1e20j)]
def parts(t,v):
    return [repr(float(v.real)),repr(float(v.imag))] if t[0]=="C" else [repr(float(v))] if t[0]=="F" else [str(int(v))]
def values(t,a):
    if a.size<=100: return [parts(t,v) for v in a.ravel()]
    step=a.ravel()[1]
    assert (a.ravel()==np.arange(a.size)*step).all()
    return {"step":parts(t,step)}
rows=[{"dtype":t,"shape":list(a.shape),"values":values(t,a),"text":str(a) if a.shape else str(a[()])} for t,a in A]
print(json.dumps({"arrays":rows,"scalars":[{"dtype":t,"value":parts(t,v),"text":str(v)} for v,t in scal]},indent=0))
