"""Writes numpy_index.json: what NumPy's indexing selects, for the tests of src/array/indexing.rs.

Run with NumPy 2.4: python tests/data/numpy_index.py > tests/data/numpy_index.json
"""
import json, random
import numpy as np
random.seed(7)
def bound(n): return random.choice([None,None,0,1,-1,n,-n,n+3,-n-2,random.randint(-n-1,n+1)])
def item(n):
    kind=random.choice("sssssiilb")
    if kind=="s": return ["slice",bound(n),bound(n),random.choice([None,None,1,2,3,-1,-2,-7])]
    if kind=="i": return ["int",random.randint(-n,n-1 if random.random()<.95 else n)]
    if kind=="l": return ["list"]+[random.randint(-n,n-1) for _ in range(random.randint(0,6))]
    return ["bools"]+[random.random()<.5 for _ in range(n)]
def real(i):
    return {"slice":lambda a:slice(*a),"int":lambda a:a[0],"list":lambda a:np.array(a,dtype=int),"bools":lambda a:np.array(a,dtype=bool),"none":lambda a:None,"ellipsis":lambda a:...}[i[0]](i[1:])
rows=[]
while len(rows)<300:
    shape=[random.choice([1,2,3,5,6]) for _ in range(random.randint(1,3))]
    x=np.arange(np.prod(shape)).reshape(shape)
    items=[item(n) for n in shape[:random.randint(0,len(shape))]]
    if sum(i[0] in("list","bools") for i in items)>1: continue
    if random.random()<.3: items.insert(random.randint(0,len(items)),["none"])
    if random.random()<.3 and len([i for i in items if i[0]!="none"])==len(shape): items.insert(random.randint(0,len(items)),["ellipsis"])
    elif random.random()<.2: items.append(["ellipsis"])
    try:
        y=x[tuple(real(i) for i in items)]
        rows.append({"shape":shape,"items":items,"result":list(y.shape),"values":y.ravel().tolist()})
    except IndexError:
        rows.append({"shape":shape,"items":items,"error":True})
print(json.dumps(rows,separators=(",",":")).replace("},{","},\n{"))
